/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tunnels: from a packet to the one it carries.
 *
 * IP within IP (RFC 2003, RFC 2473, RFC 4213), GRE (RFC 2784, RFC 2890), GTP-U (3GPP TS 29.281
 * section 5) and VXLAN (RFC 7348 section 5). The port says where to look and the header whether it
 * is one.
 */
#ifndef L7CTL_TUNNEL_H
#define L7CTL_TUNNEL_H

#include <l7ctl/packet.h>

#define L7_IPPROTO_IPIP 4
#define L7_IPPROTO_IPV6 41
#define L7_IPPROTO_GRE 47
#define L7_PORT_GTPU 2152
#define L7_PORT_VXLAN 4789
#define L7_GRE_ETHERNET 0x6558
#define L7_GRE_CHECKSUM 0x8000 /* each of these three says that a word of its own follows */
#define L7_GRE_KEY 0x2000
#define L7_GRE_SEQUENCE 0x1000
#define L7_GRE_OTHER 0x4007 /* source routing, and versions other than 0 (PPTP's is 1) */
#define L7_GTPU_GPDU 255    /* the message that carries a packet */
#define L7_GTPU_OPTIONS 0x07
#define L7_GTPU_EXTENSION 0x04
#define L7_VXLAN_VNI 0x08 /* the only flag, always set */

/* Deeper than this nothing is looked for. */
#define L7_TUNNEL_MAX (L7_HEADERS_MAX - 60)

/* Whether the packet may be of a tunnel that is to be looked into; tunnels: L7_TUNNEL_ bits. */
L7_INLINE int l7_is_tunnel(const struct l7_packet *packet, __u32 tunnels) {
    switch (packet->key.l4) {
    case L7_IPPROTO_IPIP:
    case L7_IPPROTO_IPV6:
        return (tunnels & L7_TUNNEL_IPIP) != 0;
    case L7_IPPROTO_GRE:
        return (tunnels & L7_TUNNEL_GRE) != 0;
    case L7_IPPROTO_UDP:
        return ((tunnels & L7_TUNNEL_GTPU) && (packet->key.port[0] == L7_BE16(L7_PORT_GTPU) ||
                                               packet->key.port[1] == L7_BE16(L7_PORT_GTPU))) ||
               ((tunnels & L7_TUNNEL_VXLAN) && (packet->key.port[0] == L7_BE16(L7_PORT_VXLAN) ||
                                                packet->key.port[1] == L7_BE16(L7_PORT_VXLAN)));
    default:
        return 0;
    }
}

/* Bytes of GRE's header at `at`, of which 16 are at hand; 0: nothing of ours is in it. *ethernet: a
 * frame follows, and no packet. */
L7_INLINE __u32 l7_gre_size(const __u8 *at, int *ethernet) {
    const __u16 flags = l7_load_be16(at);
    const __u16 type = l7_load_be16(at + 2);
    __u32 size = 4;

    if (flags & L7_GRE_OTHER)
        return 0;
    if (flags & L7_GRE_CHECKSUM)
        size += 4;
    if (flags & L7_GRE_KEY)
        size += 4;
    if (flags & L7_GRE_SEQUENCE)
        size += 4;
    *ethernet = type == L7_GRE_ETHERNET;
    return *ethernet || type == L7_ETH_IPV4 || type == L7_ETH_IPV6 ? size : 0;
}

/* The same of GTP-U's header: a G-PDU of version 1, of which payload_size bytes are all. Extension
 * headers are stepped over one deep, which is what 5G has. */
L7_INLINE __u32 l7_gtpu_size(const __u8 *at, __u32 payload_size) {
    __u32 size = 8;

    if ((at[0] & 0xf8) != 0x30 || at[1] != L7_GTPU_GPDU ||
        (__u32)l7_load_be16(at + 2) + 8 != payload_size)
        return 0;
    if (at[0] & L7_GTPU_OPTIONS) {
        size = 12;
        if ((at[0] & L7_GTPU_EXTENSION) && at[11] != 0) {
            if (at[12] == 0 || at[12] > 3)
                return 0;
            size += at[12] * 4U;
        }
    }
    return size;
}

/* Offset of the inner packet's IP header; 0: there is none to be found. */
L7_INLINE __u32 l7_tunnel_inner(const void *data, const void *end, const struct l7_packet *packet) {
    const __u8 *at = (const __u8 *)data + (packet->payload & 0x7fff);
    __u32 offset = packet->payload, size = 0;
    int ethernet = 0;

    if (offset > L7_TUNNEL_MAX || packet->fragment == L7_FRAGMENT_LATER)
        return 0;
    if (packet->key.l4 == L7_IPPROTO_IPIP || packet->key.l4 == L7_IPPROTO_IPV6)
        return offset;
    if (at + 16 > (const __u8 *)end)
        return 0;
    if (packet->key.l4 == L7_IPPROTO_GRE) {
        size = l7_gre_size(at, &ethernet);
    } else if (packet->key.port[0] == L7_BE16(L7_PORT_VXLAN) ||
               packet->key.port[1] == L7_BE16(L7_PORT_VXLAN)) {
        if (at[0] == L7_VXLAN_VNI && at[1] == 0 && at[2] == 0 && at[3] == 0 && at[7] == 0) {
            size = 8;
            ethernet = 1;
        }
    } else {
        size = l7_gtpu_size(at, packet->payload_size);
    }
    if (size == 0)
        return 0;
    offset += size;
    if (ethernet) {
        __u16 type;

        at = (const __u8 *)data + (offset & 0x7fff);
        if (at + ETH_HLEN > (const __u8 *)end)
            return 0;
        type = l7_load_be16(at + 12);
        if (type != L7_ETH_IPV4 && type != L7_ETH_IPV6)
            return 0;
        offset += ETH_HLEN;
    }
    return offset;
}

/*
 * Puts the inner packet in the place of the outer one. Offsets are from the outer packet's first
 * byte still, so that headers_size is of all headers. Returns 0 and leaves *packet alone where what
 * is inside cannot be read, which leaves the packet to the tunnel.
 */
L7_INLINE int l7_enter_tunnel(const void *data, const void *end, __u32 wire,
                              struct l7_packet *packet) {
    const __u32 offset = l7_tunnel_inner(data, end, packet);
    struct l7_packet inner;

    if (offset == 0 || offset > L7_TUNNEL_MAX || offset >= wire)
        return 0;
    if (l7_parse_begin((const __u8 *)data + offset, end, wire - offset, 1, &inner, 0, 0) !=
        L7_PARSE_OK)
        return 0;
    inner.payload += offset;
    inner.headers_size += offset;
    inner.ip = packet->ip;
    inner.dscp = packet->dscp;
    *packet = inner;
    return 1;
}

#endif
