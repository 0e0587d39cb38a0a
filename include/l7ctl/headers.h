/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet is once its headers are read, and the key of its flow. */
#ifndef L7CTL_HEADERS_H
#define L7CTL_HEADERS_H

#include <l7ctl/abi.h>

/* IANA protocol numbers. libc and the kernel define their names in headers that exclude each other.
 */
#define L7_IPPROTO_HOPOPTS 0
#define L7_IPPROTO_ICMP 1
#define L7_IPPROTO_TCP 6
#define L7_IPPROTO_UDP 17
#define L7_IPPROTO_ROUTING 43
#define L7_IPPROTO_FRAGMENT 44
#define L7_IPPROTO_ICMPV6 58
#define L7_IPPROTO_DSTOPTS 60
#define L7_IPPROTO_SCTP 132
#define L7_IPPROTO_UDPLITE 136

enum l7_parse {
    L7_PARSE_OK = 0,
    L7_PARSE_FRAGMENT, /* a later fragment: ports are not in it */
    L7_PARSE_NOT_IP,
    L7_PARSE_MPLS,
    L7_PARSE_TRUNCATED_LINK, /* the rest: the bytes end inside a header, or contradict themselves */
    L7_PARSE_TRUNCATED_IP,
    L7_PARSE_TRUNCATED_TRANSPORT,
    L7_PARSE_BAD_VERSION,
    L7_PARSE_BAD_IP_LENGTH,
    L7_PARSE_BAD_TCP_OFFSET,
    L7_PARSE_BAD_UDP_LENGTH,
    L7_PARSE_TOO_DEEP,
    L7_PARSE_EXTENSION, /* between the steps below only: an IPv6 extension header is next */
};

/* What of its datagram a packet is. */
enum l7_fragment_place {
    L7_FRAGMENT_NONE = 0, /* all of it */
    L7_FRAGMENT_FIRST,    /* it has the transport header; others follow */
    L7_FRAGMENT_LATER,
};

#define L7_TAGS_MAX 3       /* VLAN tags in the data */
#define L7_EXTENSIONS_MAX 8 /* IPv6 extension headers */
#define L7_HEADERS_MAX 256  /* bytes of headers worth pulling into the linear part */

/* Ethertypes that linux/if_ether.h names differently across versions. */
#define L7_ETH_IPV4 0x0800
#define L7_ETH_IPV6 0x86dd
#define L7_ETH_8021Q 0x8100
#define L7_ETH_8021AD 0x88a8
#define L7_ETH_QINQ1 0x9100
#define L7_ETH_MPLS_UC 0x8847
#define L7_ETH_MPLS_MC 0x8848
#define L7_ETH_PPPOE_SESSION 0x8864
#define L7_PPP_IPV4 0x0021
#define L7_PPP_IPV6 0x0057

#define L7_TCP_FIN 0x01
#define L7_TCP_SYN 0x02
#define L7_TCP_RST 0x04
#define L7_TCP_ACK 0x10

struct l7_packet {
    struct l7_key key;
    __u32 payload;      /* offset of the transport payload from the packet's first byte */
    __u32 payload_size; /* bytes of it on the wire, link padding left out */
    __u32 headers_size; /* what each segment of a GSO packet repeats: link, IP and transport headers
                         */
    __u32 ip;           /* offset of the outermost IP header */
    __u32 seq;          /* TCP, host order */
    __u32 ack;
    __u8 tcp_flags;
    __u8 from;     /* the end of the key that sent it: 0 or 1 */
    __u8 fragment; /* enum l7_fragment_place */
    __u8 dscp;     /* RFC 2474, of the outermost IP header */
    __u16 window;  /* TCP, as in the header */
    __u8 options;  /* bytes of TCP options; they end where the payload begins */
    __u8 reserved;
};

/* Whose later fragments: RFC 791 and RFC 8200 identify a datagram by these. */
struct l7_fragment_key {
    __be32 addr[2][4]; /* sender, receiver; IPv4 in the first word */
    __be32 id;         /* RFC 791 has 16 bits, RFC 8200 32 */
    __u8 l4;           /* what the fragment says it carries */
    __u8 family;
    __u16 reserved;
};
L7_ASSERT(sizeof(struct l7_fragment_key) == 40);

struct l7_fragment {
    __be16 port[2]; /* sender, receiver */
    __u8 l4;        /* above any extension headers that only the first fragment holds */
    __u8 reserved[3];
};
L7_ASSERT(sizeof(struct l7_fragment) == 8);

/* Multiply-xorshift mix of the key's words; the same in the kernel and natively. Spreads flows over
 * rings. */
L7_INLINE __u32 l7_key_hash(const struct l7_key *key) {
    __u64 hash = 0x9e3779b97f4a7c15ULL;

#define L7_MIX(word) (hash = ((hash ^ (word)) * 0xff51afd7ed558ccdULL), hash ^= hash >> 32)
    L7_MIX(((__u64)key->addr[0][0] << 32) | key->addr[0][1]);
    L7_MIX(((__u64)key->addr[0][2] << 32) | key->addr[0][3]);
    L7_MIX(((__u64)key->addr[1][0] << 32) | key->addr[1][1]);
    L7_MIX(((__u64)key->addr[1][2] << 32) | key->addr[1][3]);
    L7_MIX(((__u64)key->port[0] << 32) | ((__u32)key->port[1] << 16) | key->l4);
#undef L7_MIX
    return (__u32)(hash ^ (hash >> 29));
}

/*
 * Puts the two ends in order; sets packet->from to the place the sender got. Addresses are raw
 * bytes, 4 or 16 by family; ports in network order.
 */
L7_INLINE void l7_key_order(struct l7_packet *packet, __u8 family, const __u8 *source,
                            const __u8 *target, __be16 sport, __be16 dport) {
    struct l7_key *key = &packet->key;
    int above;

    if (family == 4) {
        const __be32 from = l7_load32(source);
        const __be32 to = l7_load32(target);

        above = from != to ? from > to : sport > dport;
        key->addr[0][0] = key->addr[0][1] = 0;
        key->addr[1][0] = key->addr[1][1] = 0;
        key->addr[0][2] = key->addr[1][2] = (__be32)L7_BE32(0xffff);
        key->addr[0][3] = above ? to : from;
        key->addr[1][3] = above ? from : to;
    } else {
        const __u64 from[2] = {l7_load64(source), l7_load64(source + 8)};
        const __u64 to[2] = {l7_load64(target), l7_load64(target + 8)};

        above = from[1] != to[1]   ? from[1] > to[1]
                : from[0] != to[0] ? from[0] > to[0]
                                   : sport > dport;
        l7_store64(&key->addr[0][0], above ? to[0] : from[0]);
        l7_store64(&key->addr[0][2], above ? to[1] : from[1]);
        l7_store64(&key->addr[1][0], above ? from[0] : to[0]);
        l7_store64(&key->addr[1][2], above ? from[1] : to[1]);
    }
    key->port[0] = above ? dport : sport;
    key->port[1] = above ? sport : dport;
    packet->from = (__u8)above;
}

#endif
