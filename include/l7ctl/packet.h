/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet's headers: from its first byte to the flow it belongs to and the place of its payload.
 *
 * Layers: Ethernet or none, 802.1Q and 802.1ad tags (IEEE 802.1Q), PPPoE session (RFC 2516), IPv4
 * (RFC 791), IPv6 and its extension headers (RFC 8200), TCP (RFC 9293), UDP (RFC 768), SCTP (RFC
 * 9260). Anything else above IP is a flow without ports.
 */
#ifndef L7CTL_PACKET_H
#define L7CTL_PACKET_H

#include <l7ctl/headers.h>
#include <linux/if_ether.h>

/* Where the parser stands; end is the end of the bytes at hand, wire the packet's true size. */
struct l7_cursor {
    const __u8 *data;
    const __u8 *end;
    const __u8 *at;
    __u32 wire;
};

/* Link layer to the network header. Returns L7_PARSE_OK and the ethertype in *type (0: look at the
 * version). */
L7_INLINE enum l7_parse l7_parse_link(struct l7_cursor *c, int l3_device, __u16 *type) {
    int i;

    if (l3_device) {
        *type = 0;
        return L7_PARSE_OK;
    }
    if (c->at + ETH_HLEN > c->end)
        return L7_PARSE_TRUNCATED_LINK;
    *type = l7_load_be16(c->at + 12);
    c->at += ETH_HLEN;

    for (i = 0; i < L7_TAGS_MAX; i++) {
        if (L7_LIKELY(*type != L7_ETH_8021Q && *type != L7_ETH_8021AD && *type != L7_ETH_QINQ1))
            break;
        if (c->at + 4 > c->end)
            return L7_PARSE_TRUNCATED_LINK;
        *type = l7_load_be16(c->at + 2);
        c->at += 4;
    }
    if (*type == L7_ETH_PPPOE_SESSION) {
        if (c->at + 8 > c->end)
            return L7_PARSE_TRUNCATED_LINK;
        switch (l7_load_be16(c->at + 6)) {
        case L7_PPP_IPV4:
            *type = L7_ETH_IPV4;
            break;
        case L7_PPP_IPV6:
            *type = L7_ETH_IPV6;
            break;
        default:
            return L7_PARSE_NOT_IP;
        }
        c->at += 8;
    }
    return L7_PARSE_OK;
}

/* What IP says of the packet, until the ports are known. */
struct l7_network {
    __u32 ip;   /* offset of the IP header */
    __u32 size; /* bytes from the transport header to the end of the datagram, as on the wire */
    __u8 l4;
    __u8 fragment;    /* enum l7_fragment_place */
    __u8 fragment_l4; /* what the fragment says follows: the same in each of a datagram */
    __be32 fragment_id;
};

/* By the header's fragment field; `offset` and `more` are its bits of these names. */
L7_INLINE __u8 l7_fragment_in(__u16 field, __u16 offset, __u16 more) {
    if (field & offset)
        return L7_FRAGMENT_LATER;
    return field & more ? L7_FRAGMENT_FIRST : L7_FRAGMENT_NONE;
}

L7_INLINE enum l7_parse l7_parse_ipv4(struct l7_cursor *c, struct l7_network *net) {
    const __u8 *ip = c->at;
    __u32 header, total, rest;

    if (ip + 20 > c->end)
        return L7_PARSE_TRUNCATED_IP;
    if ((ip[0] >> 4) != 4)
        return L7_PARSE_BAD_VERSION;
    header = (ip[0] & 15U) * 4;
    rest = c->wire - (__u32)(ip - c->data);
    total = l7_load_be16(ip + 2);
    if (total == 0) /* a GSO packet over 64 KiB has no total length (kernel: BIG TCP) */
        total = rest;
    if (header < 20 || total < header || total > rest)
        return L7_PARSE_BAD_IP_LENGTH;

    net->ip = (__u32)(ip - c->data);
    net->l4 = ip[9];
    net->size = total - header;
    net->fragment = l7_fragment_in(l7_load_be16(ip + 6), 0x1fff, 0x2000);
    net->fragment_id = l7_load_be16(ip + 4);
    net->fragment_l4 = net->l4;
    if (ip + header > c->end)
        return L7_PARSE_TRUNCATED_IP;
    c->at = ip + header;
    return L7_PARSE_OK;
}

L7_INLINE int l7_is_extension(__u8 next) {
    return next == L7_IPPROTO_HOPOPTS || next == L7_IPPROTO_ROUTING || next == L7_IPPROTO_DSTOPTS ||
           next == L7_IPPROTO_FRAGMENT;
}

L7_INLINE enum l7_parse l7_parse_ipv6(struct l7_cursor *c, struct l7_network *net) {
    const __u8 *ip = c->at;
    __u32 payload, rest;

    if (ip + 40 > c->end)
        return L7_PARSE_TRUNCATED_IP;
    if ((ip[0] >> 4) != 6)
        return L7_PARSE_BAD_VERSION;
    rest = c->wire - (__u32)(ip - c->data) - 40;
    payload = l7_load_be16(ip + 4);
    if (payload == 0) /* jumbogram (RFC 2675) or BIG TCP */
        payload = rest;
    if (payload > rest)
        return L7_PARSE_BAD_IP_LENGTH;
    net->ip = (__u32)(ip - c->data);
    net->l4 = ip[6];
    net->size = payload;
    net->fragment = L7_FRAGMENT_NONE;
    net->fragment_id = 0;
    net->fragment_l4 = 0;
    c->at = ip + 40;
    return l7_is_extension(net->l4) ? L7_PARSE_EXTENSION : L7_PARSE_OK;
}

/* Ports, TCP's sequence numbers and flags, and where the payload is. */
L7_INLINE enum l7_parse l7_parse_transport(struct l7_cursor *c, const struct l7_network *net,
                                           struct l7_packet *packet, __be16 *sport, __be16 *dport) {
    const __u8 *l4 = c->at;
    __u32 header = 0;
    __u32 size = net->size;

    switch (net->l4) {
    case L7_IPPROTO_TCP:
        if (size < 20 || l4 + 20 > c->end)
            return L7_PARSE_TRUNCATED_TRANSPORT;
        header = (l4[12] >> 4) * 4U;
        if (header < 20 || header > size)
            return L7_PARSE_BAD_TCP_OFFSET;
        packet->seq = l7_load_be32(l4 + 4);
        packet->ack = l7_load_be32(l4 + 8);
        packet->tcp_flags = l4[13];
        packet->window = l7_load_be16(l4 + 14);
        packet->options = (__u8)(header - 20);
        break;
    case L7_IPPROTO_UDP:
    case L7_IPPROTO_UDPLITE:
        if (size < 8 || l4 + 8 > c->end)
            return L7_PARSE_TRUNCATED_TRANSPORT;
        header = l7_load_be16(l4 + 4);
        if (net->l4 == L7_IPPROTO_UDP && header != 0) { /* 0: jumbogram, or GSO over 64 KiB */
            if (header < 8)
                return L7_PARSE_BAD_UDP_LENGTH;
            /* A first fragment, and a GSO packet, hold another length than the UDP header tells. */
            if (net->fragment == L7_FRAGMENT_NONE && header < size)
                size = header;
        }
        header = 8;
        break;
    case L7_IPPROTO_SCTP:
        if (size < 12 || l4 + 12 > c->end)
            return L7_PARSE_TRUNCATED_TRANSPORT;
        header = 12;
        break;
    default:
        *sport = *dport = 0;
        packet->payload = (__u32)(l4 - c->data);
        packet->payload_size = size;
        packet->headers_size = packet->payload;
        return L7_PARSE_OK;
    }
    *sport = l7_load16(l4);
    *dport = l7_load16(l4 + 2);
    packet->payload = (__u32)(l4 - c->data) + header;
    packet->payload_size = size - header;
    packet->headers_size = packet->payload;
    return L7_PARSE_OK;
}

/*
 * The parse goes in steps, so that the kernel's verifier, which follows every path, can take each
 * by itself: begin reaches the transport header of nearly every packet and finishes; where IPv6
 * extension headers are in the way it says L7_PARSE_EXTENSION, each is one more step, and finish
 * does the rest.
 */
struct l7_walk {
    struct l7_network net;
    __u32 at;   /* offset of the next header */
    __u32 wire; /* the packet's size */
};

/* The addresses in the IP header at `ip`, RFC 791 section 3.1 and RFC 8200 section 3. */
L7_INLINE const __u8 *l7_ip_source(const __u8 *ip, __u8 family) {
    return ip + (family == 4 ? 12 : 8);
}

L7_INLINE const __u8 *l7_ip_target(const __u8 *ip, __u8 family) {
    return ip + (family == 4 ? 16 : 24);
}

/* The upper six bits of RFC 791's type of service, of RFC 8200's traffic class (RFC 2474). */
L7_INLINE __u8 l7_ip_dscp(const __u8 *ip, __u8 family) {
    return (__u8)(family == 4 ? ip[1] >> 2 : (ip[0] & 15) << 2 | ip[1] >> 6);
}

/* Identifies the datagram of a fragment. */
L7_INLINE void l7_fragment_key_of(const struct l7_network *net, const __u8 *ip, __u8 family,
                                  struct l7_fragment_key *datagram) {
    __builtin_memset(datagram, 0, sizeof(*datagram));
    if (family == 4) {
        datagram->addr[0][0] = l7_load32(l7_ip_source(ip, 4));
        datagram->addr[1][0] = l7_load32(l7_ip_target(ip, 4));
    } else {
        __builtin_memcpy(datagram->addr[0], l7_ip_source(ip, 6), 16);
        __builtin_memcpy(datagram->addr[1], l7_ip_target(ip, 6), 16);
    }
    datagram->id = net->fragment_id;
    datagram->l4 = net->fragment_l4;
    datagram->family = family;
}

/*
 * From the transport header at c->at to the filled packet; ip is the IP header, of which 20 or 40
 * bytes are at hand. family is a constant in each caller, so that the verifier sees constant
 * offsets. See l7_parse_packet.
 */
L7_INLINE enum l7_parse l7_parse_rest(struct l7_cursor *c, const struct l7_network *net,
                                      const __u8 *ip, __u8 family, struct l7_packet *packet,
                                      struct l7_fragment_key *datagram) {
    const __u8 *source = l7_ip_source(ip, family);
    const __u8 *target = l7_ip_target(ip, family);
    enum l7_parse result;
    __be16 sport = 0, dport = 0;

    packet->key.l4 = net->l4;
    packet->key.family = family;
    packet->key.reserved = 0;
    packet->seq = packet->ack = 0;
    packet->window = 0;
    packet->tcp_flags = 0;
    packet->options = 0;
    packet->ip = net->ip;
    packet->dscp = l7_ip_dscp(ip, family);
    packet->fragment = net->fragment;

    if (L7_UNLIKELY(net->fragment != L7_FRAGMENT_NONE)) {
        if (!datagram)
            return L7_PARSE_FRAGMENT;
        l7_fragment_key_of(net, ip, family, datagram);
    }
    if (L7_UNLIKELY(net->fragment == L7_FRAGMENT_LATER)) {
        packet->payload = packet->headers_size = (__u32)(c->at - c->data);
        packet->payload_size = net->size;
        l7_key_order(packet, family, source, target, 0, 0);
        return L7_PARSE_FRAGMENT;
    }
    result = l7_parse_transport(c, net, packet, &sport, &dport);
    if (result == L7_PARSE_OK)
        l7_key_order(packet, family, source, target, sport, dport);
    return result;
}

/*
 * First step. *walk is filled on L7_PARSE_EXTENSION only; the rest as for l7_parse_packet. With
 * datagram and walk 0 any fragment is L7_PARSE_FRAGMENT and nothing is filled for it: the quick
 * way, for packets that are neither.
 */
L7_INLINE enum l7_parse l7_parse_begin(const void *data, const void *end, __u32 wire, int l3_device,
                                       struct l7_packet *packet, struct l7_fragment_key *datagram,
                                       struct l7_walk *walk) {
    struct l7_cursor c = {(const __u8 *)data, (const __u8 *)end, (const __u8 *)data, wire};
    struct l7_network net;
    enum l7_parse result;
    const __u8 *ip;
    __u16 type;

    result = l7_parse_link(&c, l3_device, &type);
    if (result != L7_PARSE_OK)
        return result;
    if (type == 0) {
        if (c.at + 1 > c.end)
            return L7_PARSE_TRUNCATED_IP;
        type = (c.at[0] >> 4) == 4 ? L7_ETH_IPV4 : L7_ETH_IPV6;
    }
    ip = c.at;
    switch (type) {
    case L7_ETH_IPV4:
        result = l7_parse_ipv4(&c, &net);
        if (result != L7_PARSE_OK)
            return result;
        return l7_parse_rest(&c, &net, ip, 4, packet, datagram);
    case L7_ETH_IPV6:
        result = l7_parse_ipv6(&c, &net);
        if (result == L7_PARSE_EXTENSION && walk) {
            walk->net = net;
            walk->at = (__u32)(c.at - c.data);
            walk->wire = wire;
        }
        if (result != L7_PARSE_OK)
            return result;
        return l7_parse_rest(&c, &net, ip, 6, packet, datagram);
    case L7_ETH_MPLS_UC:
    case L7_ETH_MPLS_MC:
        return L7_PARSE_MPLS;
    default:
        return L7_PARSE_NOT_IP;
    }
}

/* Steps over one extension header. L7_PARSE_EXTENSION: another follows; L7_PARSE_OK: the transport
 * header does. */
L7_INLINE enum l7_parse l7_parse_extension(const void *data, const void *end,
                                           struct l7_walk *walk) {
    const __u8 *at = (const __u8 *)data + (walk->at & 0x7fff);
    __u32 size = 8;

    if (walk->at >
        L7_HEADERS_MAX - 40) /* the same bound in the kernel, which pulls so much, and natively */
        return L7_PARSE_TOO_DEEP;
    if (at + 8 > (const __u8 *)end)
        return L7_PARSE_TRUNCATED_IP;
    if (walk->net.l4 == L7_IPPROTO_FRAGMENT) {
        /* RFC 6946: an atomic fragment, with neither, is whole. */
        walk->net.fragment = l7_fragment_in(l7_load_be16(at + 2), 0xfff8, 0x0001);
        walk->net.fragment_id = l7_load32(at + 4);
        walk->net.fragment_l4 = at[0];
    } else {
        size = (at[1] + 1U) * 8;
    }
    if (size > walk->net.size)
        return L7_PARSE_BAD_IP_LENGTH;
    walk->net.l4 = at[0];
    walk->net.size -= size;
    walk->at += size;
    if (walk->net.fragment == L7_FRAGMENT_LATER || !l7_is_extension(walk->net.l4))
        return L7_PARSE_OK;
    return L7_PARSE_EXTENSION;
}

/* Last step, after the extension headers. */
L7_INLINE enum l7_parse l7_parse_finish(const void *data, const void *end,
                                        const struct l7_walk *walk, struct l7_packet *packet,
                                        struct l7_fragment_key *datagram) {
    const __u8 *at = (const __u8 *)data + (walk->at & 0x7fff);
    const __u8 *ip = (const __u8 *)data + (walk->net.ip & 0x7fff);
    struct l7_cursor c = {(const __u8 *)data, (const __u8 *)end, at, walk->wire};

    if (walk->at > L7_HEADERS_MAX - 40)
        return L7_PARSE_TOO_DEEP;
    if (ip + 40 > (const __u8 *)end || at > (const __u8 *)end)
        return L7_PARSE_TRUNCATED_IP;
    return l7_parse_rest(&c, &walk->net, ip, 6, packet, datagram);
}

/*
 * Parses a packet whose bytes at hand are [data, end) and whose size on the wire is `wire` (at
 * least end - data). l3_device: 1 where the packet starts with its IP header. On L7_PARSE_OK and
 * L7_PARSE_FRAGMENT *packet is filled, for the latter with ports 0 and *datagram saying whose they
 * are; for the first fragment *datagram is filled as well. Otherwise the value says what is wrong;
 * L7_PARSE_TRUNCATED_* may only mean that more bytes must be brought to hand.
 */
L7_INLINE enum l7_parse l7_parse_packet(const void *data, const void *end, __u32 wire,
                                        int l3_device, struct l7_packet *packet,
                                        struct l7_fragment_key *datagram) {
    struct l7_walk walk;
    enum l7_parse result = l7_parse_begin(data, end, wire, l3_device, packet, datagram, &walk);
    int i;

    if (L7_LIKELY(result != L7_PARSE_EXTENSION))
        return result;
    for (i = 0; i < L7_EXTENSIONS_MAX && result == L7_PARSE_EXTENSION; i++)
        result = l7_parse_extension(data, end, &walk);
    if (result == L7_PARSE_EXTENSION)
        return L7_PARSE_TOO_DEEP;
    if (result != L7_PARSE_OK)
        return result;
    return l7_parse_finish(data, end, &walk, packet, datagram);
}

/* Counts what l7_parse_packet had against a packet. */
L7_INLINE void l7_count_parse(struct l7_counters *counters, enum l7_parse result) {
    switch (result) {
    case L7_PARSE_NOT_IP:
        counters->not_ip++;
        break;
    case L7_PARSE_MPLS:
        counters->mpls_unsupported++;
        break;
    case L7_PARSE_TRUNCATED_LINK:
        counters->truncated_link++;
        break;
    case L7_PARSE_TRUNCATED_IP:
        counters->truncated_ip++;
        break;
    case L7_PARSE_TRUNCATED_TRANSPORT:
        counters->truncated_transport++;
        break;
    case L7_PARSE_BAD_VERSION:
        counters->bad_ip_version++;
        break;
    case L7_PARSE_BAD_IP_LENGTH:
        counters->bad_ip_length++;
        break;
    case L7_PARSE_BAD_TCP_OFFSET:
        counters->bad_tcp_offset++;
        break;
    case L7_PARSE_BAD_UDP_LENGTH:
        counters->bad_udp_length++;
        break;
    case L7_PARSE_TOO_DEEP:
        counters->headers_too_deep++;
        break;
    case L7_PARSE_OK:
    case L7_PARSE_FRAGMENT:
    case L7_PARSE_EXTENSION:
        break;
    }
}

/* Gives a later fragment the ports its datagram's first fragment had. */
L7_INLINE void l7_fragment_apply(struct l7_packet *packet, const struct l7_fragment_key *datagram,
                                 const struct l7_fragment *first) {
    const __u8 *source = (const __u8 *)datagram->addr[0];
    const __u8 *target = (const __u8 *)datagram->addr[1];

    packet->key.l4 = first->l4;
    if (datagram->family == 4)
        l7_key_order(packet, 4, source, target, first->port[0], first->port[1]);
    else
        l7_key_order(packet, 6, source, target, first->port[0], first->port[1]);
}

/* The ports of a first fragment, for those that follow. */
L7_INLINE struct l7_fragment l7_fragment_of(const struct l7_packet *packet) {
    struct l7_fragment first;

    first.port[0] = packet->key.port[packet->from & 1];
    first.port[1] = packet->key.port[(packet->from & 1) ^ 1];
    first.l4 = packet->key.l4;
    first.reserved[0] = first.reserved[1] = first.reserved[2] = 0;
    return first;
}

/*
 * Wire packets and wire bytes of a GSO skb. size: its length with the link header; segments:
 * gso_segs, which some devices leave at 0; gso_size: payload of each segment, at least 1.
 */
L7_INLINE void l7_wire_size(const struct l7_packet *packet, __u32 size, __u32 segments,
                            __u32 gso_size, __u32 *packets, __u64 *bytes) {
    if (segments == 0)
        segments = (packet->payload_size + gso_size - 1) / gso_size;
    if (segments == 0)
        segments = 1;
    *packets = segments;
    *bytes = size + (__u64)(segments - 1) * packet->headers_size;
}

#endif
