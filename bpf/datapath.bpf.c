/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet path: one object for each device. Parse, find the flow, count, and let the flow's
 * rules set mark and class; flows without a verdict also send their early payload to the loader.
 */
#include "conntrack.h"
#include "expect.h"
#include "outcome.h"
#include "segment.h"

/* Set by the loader before loading; the verifier drops what does not apply to the device. */
const volatile __u32 l7_device_slot = 0;
const volatile __u32 l7_l3_device = 0;

/* Sends the loader what the packet holds for it. */
L7_STEP int l7_sample(struct __sk_buff *skb, struct l7_flow *flow, struct l7_pass *pass,
                      __u32 ends) {
    struct l7_sample *sample;
    struct l7_record *head;
    struct l7_scratch *s;
    enum l7_sample_kind kind;
    __u32 zero = 0, direction;
    struct l7_settings *set = bpf_map_lookup_elem(&settings, &zero);

    s = bpf_map_lookup_elem(&scratch, &zero);
    if (!set || !flow || !pass || !s)
        return 0;
    head = &s->head;
    sample = &s->sample;
    direction = pass->direction & 1;
    kind = l7_flow_sample(flow, &pass->packet, direction, pass->sampled, (int)ends,
                          set->sample_packets, set->sample_bytes, sample);
    if (kind == L7_SAMPLE_RETRANSMITTED)
        l7_count(retransmitted);
    if (kind != L7_SAMPLE_TAKE)
        return 0;
    if (sample->limit == 1)
        l7_count(limit_packets);
    else if (sample->limit == 2)
        l7_count(limit_bytes);

    head->key = pass->packet.key;
    head->time_ns = bpf_ktime_get_ns();
    head->hash = l7_key_hash(&pass->packet.key);
    head->packet = (__u32)(flow->packets[0] + flow->packets[1]);
    head->offset = sample->offset;
    head->size = (__u16)sample->size;
    head->direction = (__u8)direction;
    head->flags = sample->flags | (flow->flags & L7_F_INITIATOR_1 ? L7_R_INITIATOR_1 : 0);
    head->wire_size = (__u16)(pass->sampled > 0xffff ? 0xffff : pass->sampled);
    head->protocol = flow->flags & L7_F_PROVISIONAL ? L7_UNSET : flow->protocol;
    head->born = flow->born;
    if (l7_ring_put(skb, head, pass->packet.payload + sample->skip) == 0) {
        l7_flow_sampled(flow, direction, sample);
        l7_count(records);
    } else {
        l7_flow_sample_lost(flow, direction, sample);
        l7_count(records_lost);
    }
    return 0;
}

/* A new flow starts with what its server's last flows were. */
L7_STEP int l7_presume(const struct l7_key *key, struct l7_flow *fresh) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    struct l7_endpoint_verdict *known;

    if (!s || !key || !fresh)
        return 0;
    l7_flow_server(key, fresh, &s->server);
    known = bpf_map_lookup_elem(&endpoints, &s->server);
    if (!known || known->until_s < bpf_ktime_get_ns() / 1000000000)
        return 0;
    l7_flow_presume(fresh, known->protocol, known->application);
    l7_count(flows_provisional);
    return 0;
}

/* Passes on what a packet wrote to the entry of a flow that has moved meanwhile. Its key is in the
 * scratch. */
L7_STEP int l7_catch_up(struct l7_flow *old) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    struct l7_flow *now;

    if (!s || !old)
        return 0;
    /* A barrier: what was written before is there for whoever sets the flag from now on. */
    if (!(__sync_fetch_and_or(&old->flags, 0) & L7_F_MOVED))
        return 0;
    now = l7_moved_to(&s->key, old);
    if (now)
        l7_flow_merge(now, old);
    return 0;
}

/* A flow that has no verdict yet, or none that names a protocol. Returns its protocol number. */
L7_STEP __u32 l7_newcomer(struct __sk_buff *skb, struct l7_pass *pass) {
    __u32 direction, zero = 0;
    struct l7_settings *set;
    struct l7_account *account;
    struct l7_flow *flow;
    struct l7_scratch *s;

    s = bpf_map_lookup_elem(&scratch, &zero);
    if (!pass || !s)
        return L7_UNSET;
    s->key = pass->packet.key; /* 6.1 takes no argument's memory as a map's key */
    flow = bpf_map_lookup_elem(&newcomers, &s->key);

    if (flow && l7_flow_restarts(flow, &pass->packet)) {
        l7_count(flows_restarted);
        bpf_map_delete_elem(&newcomers, &s->key);
        flow = 0;
    }
    set = bpf_map_lookup_elem(&settings, &zero);
    if (!set)
        return L7_UNSET;
    if (!flow) {
        l7_flow_begin(&s->fresh, &pass->packet, pass->now);
        l7_presume(&s->key, &s->fresh);
        if (s->fresh.flags & L7_F_MIDSTREAM)
            l7_pick_up(skb, &pass->packet, &s->fresh);
        /* Where two CPUs meet here, one creates the flow and the other's attempt changes nothing.
         */
        if (bpf_map_update_elem(&newcomers, &s->key, &s->fresh, BPF_NOEXIST) == 0) {
            l7_count(flows_created);
            account = l7_account_of(pass->attach, L7_UNSET);
            if (account)
                account->flows++;
        }
        flow = bpf_map_lookup_elem(&newcomers, &s->key);
        if (!flow) {
            l7_count(newcomers_failed);
            return L7_UNSET;
        }
    }
    pass->direction = direction = l7_flow_direction(flow, &pass->packet);
    if (l7_flow_owned(flow, direction, pass->attach, pass->now, set->handover_ticks)) {
        int fit = L7_TCP_FITS;

        pass->stale = flow->seen[direction] != pass->now;
        l7_flow_count(flow, direction, pass->packets, pass->bytes, pass->now, set->second);
        if (pass->packet.key.l4 == L7_IPPROTO_TCP && pass->packet.fragment != 2) {
            l7_tcp_read(skb, &pass->packet);
            fit = l7_tcp_step(flow, &pass->packet, direction, pass->now);
        }
        if (l7_flow_wanted(flow)) {
            if (fit == L7_TCP_FITS || fit == L7_STEP_ENDS)
                l7_sample(skb, flow, pass, fit == L7_STEP_ENDS);
            l7_catch_up(flow);
        }
    }
    pass->rules = l7_rules_now(flow, &pass->packet.key, pass->now, (int)pass->stale, set);
    pass->application = flow->application;
    return flow->protocol;
}

/* Returns 1 where a new connection took the ports of a flow that has a verdict. */
L7_STEP int l7_flow_taken(struct l7_flow *flow, struct l7_packet *packet) {
    struct l7_key key;

    if (!flow || !packet || !l7_flow_restarts(flow, packet))
        return 0;
    key = packet->key;
    l7_count(flows_restarted);
    bpf_map_delete_elem(&flows, &key);
    return 1;
}

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

/* Gives a later fragment its datagram's ports, remembers those of a first one. Returns 0, or -1: an
 * orphan. */
L7_STEP int l7_fragmented(struct l7_packet *packet, struct l7_scratch *s) {
    struct l7_fragment *known, first;
    struct l7_fragment_key key;

    if (!packet || !s)
        return -1;
    key = s->datagram;
    if (packet->fragment == 1) {
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
 * The slow way, for what the quick one could not finish: headers beyond the linear part, fragments,
 * IPv6 extension headers. Returns L7_PARSE_OK, L7_PARSE_FRAGMENT for an orphan, or what is wrong.
 */
L7_STEP int l7_parse_slow(struct __sk_buff *skb, struct l7_packet *packet) {
    __u32 want = skb->len < L7_HEADERS_MAX ? skb->len : L7_HEADERS_MAX;
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    int result, i;

    if (!s || !packet)
        return L7_PARSE_TRUNCATED_LINK;
    if (skb->data_end - skb->data < want) {
        if (bpf_skb_pull_data(skb, want) < 0)
            return L7_PARSE_TRUNCATED_LINK;
        l7_count(headers_pulled);
    }
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
    if (packet->fragment && l7_fragmented(packet, s) < 0)
        return L7_PARSE_FRAGMENT;
    return L7_PARSE_OK;
}

/* The packet that a tunnel's carries, in the place of the tunnel's. Its headers may lie beyond the
 * linear part. */
L7_STEP int l7_inside(struct __sk_buff *skb, struct l7_packet *packet) {
    __u32 want = skb->len < L7_HEADERS_MAX ? skb->len : L7_HEADERS_MAX;

    if (!packet)
        return 0;
    if (skb->data_end - skb->data < want) {
        if (bpf_skb_pull_data(skb, want) < 0)
            return 0;
        l7_count(headers_pulled);
    }
    if (!l7_enter_tunnel((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len, packet)) {
        l7_count(tunnels_opaque);
        return 0;
    }
    l7_count(tunnels_entered);
    return 1;
}

/* A packet we cannot place. */
L7_STEP int l7_account_odd(struct __sk_buff *skb, __u32 attach, int result) {
    __u32 protocol = L7_MALFORMED, zero = 0;
    struct l7_counters *counted;
    struct l7_account *account;

    counted = bpf_map_lookup_elem(&counters, &zero);
    if (counted)
        l7_count_parse(counted, (enum l7_parse)result);
    if (result == L7_PARSE_FRAGMENT)
        protocol = L7_UNKNOWN;
    else if (result == L7_PARSE_NOT_IP || result == L7_PARSE_MPLS)
        protocol = L7_NON_IP;
    account = l7_account_of(attach, protocol);
    if (account) {
        account->packets++;
        account->bytes += skb->len;
    }
    return 0;
}

static __attribute__((always_inline)) int l7_classify(struct __sk_buff *skb, __u32 hook) {
    __u32 zero = 0, protocol;
    struct l7_settings *set = bpf_map_lookup_elem(&settings, &zero);
    struct l7_account *account;
    struct l7_flow *flow;
    struct l7_pass pass;
    __u32 attach, now, packets, gso_size, application;
    __u64 bytes, met;
    int result, fit, stale = 0;

    if (!set)
        return L7_TC_NEXT;
    if (L7_UNLIKELY(set->bypass)) {
        l7_count(bypassed);
        return L7_TC_NEXT;
    }
    attach = l7_device_slot * 2 + hook;
    result = l7_parse_begin((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len,
                            (int)l7_l3_device, &pass.packet, 0, 0);
    if (L7_UNLIKELY(result != L7_PARSE_OK)) {
        if (result != L7_PARSE_NOT_IP)
            result = l7_parse_slow(skb, &pass.packet);
        if (result != L7_PARSE_OK) {
            l7_account_odd(skb, attach, result);
            return L7_TC_NEXT;
        }
    }
    if (L7_UNLIKELY(l7_is_tunnel(&pass.packet, set->tunnels)))
        l7_inside(skb, &pass.packet);
    now = (__u32)bpf_jiffies64();
    packets = 1;
    bytes = skb->len;
    gso_size = skb->gso_size;
    if (gso_size)
        l7_wire_size(&pass.packet, skb->len, skb->gso_segs, gso_size, &packets, &bytes);

    flow = bpf_map_lookup_elem(&flows, &pass.packet.key);
    if (L7_UNLIKELY(flow && (pass.packet.tcp_flags & L7_TCP_SYN) &&
                    l7_flow_taken(flow, &pass.packet)))
        flow = 0;
    if (L7_UNLIKELY(!flow || (flow->flags & L7_F_FOLLOW))) {
        pass.attach = attach;
        pass.now = now;
        pass.packets = packets;
        pass.bytes = bytes;
        pass.sampled = pass.packet.fragment == 2 ? 0 : pass.packet.payload_size;
        if (pass.packet.key.l4 == L7_IPPROTO_UDP && gso_size && pass.sampled > gso_size)
            pass.sampled = gso_size; /* several datagrams in one skb: the first */
    }
    if (L7_UNLIKELY(!flow && set->expecting) && l7_expect(&pass)) {
        flow = bpf_map_lookup_elem(&flows, &pass.packet.key);
        if (flow)
            l7_tell_expected(skb, flow, &pass);
    }
    if (L7_LIKELY(flow != 0)) {
        __u32 direction = l7_flow_direction(flow, &pass.packet);

        if (l7_flow_owned(flow, direction, attach, now, set->handover_ticks)) {
            stale = flow->seen[direction] != now;
            l7_flow_count(flow, direction, packets, bytes, now, set->second);
            fit = L7_TCP_FITS;
            if (pass.packet.key.l4 == L7_IPPROTO_TCP && pass.packet.fragment != 2 &&
                (L7_UNLIKELY(flow->flags & L7_F_FOLLOW) ||
                 !l7_tcp_quick(flow, &pass.packet, direction, now))) {
                l7_tcp_read(skb, &pass.packet);
                fit = l7_tcp_step(flow, &pass.packet, direction, now);
            }
            if (L7_UNLIKELY(flow->flags & L7_F_FOLLOW) &&
                (fit == L7_TCP_FITS || fit == L7_STEP_ENDS)) {
                pass.direction = direction;
                l7_sample(skb, flow, &pass, fit == L7_STEP_ENDS);
            }
        }
        protocol = flow->protocol;
        application = flow->application;
        met = l7_rules_now(flow, &pass.packet.key, now, stale, set);
    } else {
        pass.stale = 0;
        pass.rules = 0;
        pass.application = 0;
        protocol = l7_newcomer(skb, &pass);
        application = pass.application;
        met = pass.rules;
    }
    account = l7_account_of(attach, protocol);
    if (account) {
        account->packets += packets;
        account->bytes += bytes;
    }
    if (application && (account = l7_account_app(attach, application)) != 0) {
        account->packets += packets;
        account->bytes += bytes;
    }
    return met ? l7_rules_apply(skb, met, attach, set, &pass.packet, packets, bytes) : L7_TC_NEXT;
}

SEC("tc")
int l7_ingress(struct __sk_buff *skb) {
    return l7_classify(skb, L7_INGRESS);
}

SEC("tc")
int l7_egress(struct __sk_buff *skb) {
    return l7_classify(skb, L7_EGRESS);
}

char LICENSE[] SEC("license") = "GPL";
