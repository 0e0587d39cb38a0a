/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's connection tracking knows of a connection that we meet midway. */
#ifndef L7CTL_BPF_CONNTRACK_H
#define L7CTL_BPF_CONNTRACK_H

#include "pass.h"

/* The loader sets it before loading: 1 where this kernel has the functions below. */
const volatile __u32 l7_has_conntrack = 0;

/* The kernel's structs, as far as they are used; they are relocated against the running kernel's
 * BTF. seen[] is what each direction's sender said. */
struct ip_ct_tcp_state {
    __u8 td_scale;
    __u8 flags;
} __attribute__((preserve_access_index));
struct ip_ct_tcp {
    struct ip_ct_tcp_state seen[2];
} __attribute__((preserve_access_index));
union nf_conntrack_proto {
    struct ip_ct_tcp tcp;
} __attribute__((preserve_access_index));
struct nf_conn {
    union nf_conntrack_proto proto;
} __attribute__((preserve_access_index));

/* The first version of bpf_ct_opts, without zones, which all kernels take. */
struct bpf_ct_opts___l7 {
    __s32 netns_id;
    __s32 error;
    __u8 l4proto;
    __u8 dir; /* out: 0 where the tuple is what the connection's initiator sends */
    __u8 reserved[2];
};

/* net/netfilter/nf_conntrack_bpf.c */
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
                                         __u32 tuple_size, struct bpf_ct_opts___l7 *opts,
                                         __u32 opts_size) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *connection) __ksym __weak;

/* IP_CT_TCP_FLAG_WINDOW_SCALE: without it a scale of 0 may be unknown. */
#define L7_CT_SCALED 0x01

/* The connection of which end `from` of the key sends a tuple; the caller releases it. */
L7_INLINE struct nf_conn *l7_tracked(struct __sk_buff *skb, const struct l7_key *key, __u32 from,
                                     struct bpf_ct_opts___l7 *opts) {
    struct bpf_sock_tuple tuple;

    from &= 1;
    opts->netns_id = -1; /* the device's */
    opts->l4proto = L7_IPPROTO_TCP;
    if (key->family == 4) {
        tuple.ipv4.saddr = key->addr[from][3];
        tuple.ipv4.daddr = key->addr[from ^ 1][3];
        tuple.ipv4.sport = key->port[from];
        tuple.ipv4.dport = key->port[from ^ 1];
        return bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), opts, sizeof(*opts));
    }
    __builtin_memcpy(tuple.ipv6.saddr, key->addr[from], sizeof(tuple.ipv6.saddr));
    __builtin_memcpy(tuple.ipv6.daddr, key->addr[from ^ 1], sizeof(tuple.ipv6.daddr));
    tuple.ipv6.sport = key->port[from];
    tuple.ipv6.dport = key->port[from ^ 1];
    return bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), opts, sizeof(*opts));
}

/*
 * Looks up the scales of a connection whose SYNs were not seen, before its first segment is held
 * against any window. Where addresses are translated, conntrack may know the connection only by the
 * tuple that the other end sends; that one is asked for second.
 */
L7_STEP int l7_pick_up(struct __sk_buff *skb, struct l7_packet *packet, struct l7_flow *fresh) {
    struct bpf_ct_opts___l7 opts = {};
    __u8 scale[2], flags[2];
    struct nf_conn *connection;
    __u32 turned;

    if (!l7_has_conntrack || !packet || !fresh)
        return 0;
    connection = l7_tracked(skb, &packet->key, packet->from, &opts);
    turned = opts.dir;
    if (!connection) {
        opts.error = 0;
        opts.dir = 0;
        connection = l7_tracked(skb, &packet->key, packet->from ^ 1, &opts);
        turned = opts.dir ^ 1;
    }
    if (!connection) {
        l7_count(pickup_untracked);
        return 0;
    }
    scale[0] = connection->proto.tcp.seen[0].td_scale;
    scale[1] = connection->proto.tcp.seen[1].td_scale;
    flags[0] = connection->proto.tcp.seen[0].flags;
    flags[1] = connection->proto.tcp.seen[1].flags;
    bpf_ct_release(connection);
    if (!(flags[0] & flags[1] & L7_CT_SCALED)) {
        l7_count(pickup_unknown);
        return 0;
    }
    /* The flow's initiator, who spoke first when we came, need not be the one who began. */
    turned &= 1;
    l7_flow_scaled(fresh, turned ? scale[1] : scale[0], turned ? scale[0] : scale[1]);
    l7_count(pickup_scaled);
    return 0;
}

#endif
