/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From an skb to a parsed packet (l7ctl/packet.h). Nearly every packet is read in one go; what lies
 * beyond the linear part, fragments, IPv6 extension headers and tunnels take steps of their own.
 */
#ifndef L7CTL_BPF_PARSE_H
#define L7CTL_BPF_PARSE_H

#include "account.h"
#include "device.h"
#include "pass.h"

L7_STEP int l7_begin_skb(struct __sk_buff *skb, struct l7_packet *packet, struct l7_scratch *s) {
    if (!packet || !s)
        return L7_PARSE_TRUNCATED_LINK;
    return l7_parse_begin((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len,
                          (int)l7_l3_device, packet, &s->datagram, &s->walk);
}

L7_STEP int l7_extension_skb(struct __sk_buff *skb, struct l7_scratch *s) {
    if (!s)
        return L7_PARSE_TRUNCATED_IP;
    return l7_parse_extension((void *)(long)skb->data, (void *)(long)skb->data_end, &s->walk);
}

L7_STEP int l7_finish_skb(struct __sk_buff *skb, struct l7_packet *packet, struct l7_scratch *s) {
    if (!packet || !s)
        return L7_PARSE_TRUNCATED_IP;
    return l7_parse_finish((void *)(long)skb->data, (void *)(long)skb->data_end, &s->walk, packet,
                           &s->datagram);
}

/* Brings the packet's headers into the linear part. Returns 0, or -1 where that fails. */
L7_INLINE int l7_pull(struct __sk_buff *skb) {
    const __u32 want = skb->len < L7_HEADERS_MAX ? skb->len : L7_HEADERS_MAX;

    if (skb->data_end - skb->data >= want)
        return 0;
    if (bpf_skb_pull_data(skb, want) < 0)
        return -1;
    l7_count(headers_pulled);
    return 0;
}

/* Remembers the ports of a datagram's first fragment, and gives them to its later ones. Returns -1
 * for an orphan, whose first fragment was not seen. */
L7_STEP int l7_fragmented(struct l7_packet *packet, struct l7_scratch *s) {
    struct l7_fragment *known, first;
    struct l7_fragment_key key;

    if (!packet || !s)
        return -1;
    key = s->datagram;
    if (packet->fragment == L7_FRAGMENT_FIRST) {
        first = l7_fragment_of(packet);
        if (bpf_map_update_elem(&fragments, &key, &first, BPF_ANY) != 0)
            l7_count(fragments_table_failed);
        return 0;
    }
    l7_count(fragments_later);
    known = bpf_map_lookup_elem(&fragments, &key);
    if (!known) {
        l7_count(fragments_orphan);
        return -1;
    }
    first = *known;
    l7_fragment_apply(packet, &s->datagram, &first);
    return 0;
}

/*
 * The slow way, for what the quick one could not finish. Returns L7_PARSE_OK, L7_PARSE_FRAGMENT for
 * an orphan, or what is wrong.
 */
L7_STEP int l7_parse_slow(struct __sk_buff *skb, struct l7_packet *packet) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    int result, i;

    if (!s || !packet || l7_pull(skb) < 0)
        return L7_PARSE_TRUNCATED_LINK;
    result = l7_begin_skb(skb, packet, s);
    if (result == L7_PARSE_EXTENSION) {
        for (i = 0; i < L7_EXTENSIONS_MAX && result == L7_PARSE_EXTENSION; i++)
            result = l7_extension_skb(skb, s);
        if (result == L7_PARSE_EXTENSION)
            return L7_PARSE_TOO_DEEP;
        if (result == L7_PARSE_OK)
            result = l7_finish_skb(skb, packet, s);
    }
    if (result != L7_PARSE_OK && result != L7_PARSE_FRAGMENT)
        return result;
    if (packet->fragment != L7_FRAGMENT_NONE && l7_fragmented(packet, s) < 0)
        return L7_PARSE_FRAGMENT;
    return L7_PARSE_OK;
}

/* Puts the packet that a tunnel's packet carries in its place, where it can be read. */
L7_STEP int l7_inside(struct __sk_buff *skb, struct l7_packet *packet) {
    if (!packet || l7_pull(skb) < 0)
        return 0;
    if (!l7_enter_tunnel((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len, packet)) {
        l7_count(tunnels_opaque);
        return 0;
    }
    l7_count(tunnels_entered);
    return 1;
}

/* Counts a packet that belongs to no flow. */
L7_STEP int l7_account_odd(struct __sk_buff *skb, __u32 attach, int result) {
    __u32 protocol = L7_MALFORMED, zero = 0;
    struct l7_counters *counted = bpf_map_lookup_elem(&counters, &zero);

    if (counted)
        l7_count_parse(counted, (enum l7_parse)result);
    if (result == L7_PARSE_FRAGMENT)
        protocol = L7_UNKNOWN;
    else if (result == L7_PARSE_NOT_IP || result == L7_PARSE_MPLS)
        protocol = L7_NON_IP;
    l7_account_packets(attach, protocol, 0, 1, skb->len);
    return 0;
}

/* Parses the packet and sets down its size on the wire. Returns 0 where it belongs to no flow. */
L7_INLINE int l7_read(struct __sk_buff *skb, struct l7_pass *pass, const struct l7_settings *set) {
    struct l7_packet *packet = &pass->packet;
    int result = l7_parse_begin((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len,
                                (int)l7_l3_device, packet, 0, 0);

    if (L7_UNLIKELY(result != L7_PARSE_OK)) {
        if (result != L7_PARSE_NOT_IP)
            result = l7_parse_slow(skb, packet);
        if (result != L7_PARSE_OK) {
            l7_account_odd(skb, pass->attach, result);
            return 0;
        }
    }
    if (L7_UNLIKELY(l7_is_tunnel(packet, set->tunnels)))
        l7_inside(skb, packet);
    pass->packets = 1;
    pass->bytes = skb->len;
    pass->gso_size = skb->gso_size;
    if (pass->gso_size)
        l7_wire_size(packet, skb->len, skb->gso_segs, pass->gso_size, &pass->packets, &pass->bytes);
    return 1;
}

#endif
