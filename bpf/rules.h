/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules in the packet path: which of them a flow meets, looked at only when something about the
 * flow has changed, and which of those is the first for a packet.
 */
#ifndef L7CTL_BPF_RULES_H
#define L7CTL_BPF_RULES_H

#include "maps.h"
#include <l7ctl/rules.h>

static __u64 l7_rules_of_port(__u32 bank, __be16 port) {
    __u32 index = bank * 65536 + L7_BE16(port);
    __u64 *bits = bpf_map_lookup_elem(&rule_ports, &index);

    return bits ? *bits : 0;
}

static __u64 l7_rules_of_address(__u32 bank, const __be32 *address) {
    struct l7_rule_prefix key = {.bits = 8 + 128, .bank = (__u8)bank};
    __u64 *bits;

    __builtin_memcpy(key.addr, address, sizeof(key.addr));
    bits = bpf_map_lookup_elem(&rule_prefixes, &key);
    return bits ? *bits : 0;
}

/* Something about the flow, or the rules, has changed. */
__attribute__((noinline)) int l7_rules_refresh(struct l7_flow *flow, struct l7_key *of) {
    struct l7_rule_look look = {};
    struct l7_rule_bits *bits;
    struct l7_settings *set;
    __u32 zero = 0, index, bank, epoch;
    struct l7_host *name;
    struct l7_key key;
    __u64 *host;

    set = bpf_map_lookup_elem(&settings, &zero);
    if (!flow || !of || !set)
        return 0;
    key = *of;
    epoch = set->rules_epoch;
    bank = epoch & 1;
    index = bank * L7_PROTOCOLS_MAX + (flow->protocol & (L7_PROTOCOLS_MAX - 1));
    bits = bpf_map_lookup_elem(&rule_protocols, &index);
    if (bits)
        look.protocol = *bits;
    index = bank * L7_APPLICATIONS_MAX + (flow->application & (L7_APPLICATIONS_MAX - 1));
    bits = bpf_map_lookup_elem(&rule_apps, &index);
    if (bits)
        look.application = *bits;
    /* A name that has left its place to another counts as none. */
    index = flow->host & (L7_HOSTS_MAX - 1);
    name = bpf_map_lookup_elem(&hosts, &index);
    index =
        bank * (L7_HOSTS_MAX + 1) + (flow->host && name && name->id == flow->host ? index + 1 : 0);
    host = bpf_map_lookup_elem(&rule_hosts, &index);
    if (host)
        look.host = *host;
    look.address = l7_rules_of_address(bank, key.addr[0]) | l7_rules_of_address(bank, key.addr[1]);
    look.port = l7_rules_of_port(bank, key.port[0]) | l7_rules_of_port(bank, key.port[1]);
    flow->rules = l7_rules_of(&look);
    flow->rules_now = flow->rules & (~set->rules_moving | flow->rules_now);
    flow->rules_epoch = (__u16)epoch;
    return 0;
}

struct l7_moving {
    struct l7_flow *flow;
    __u64 bits; /* of the rules to look at */
    __u64 held; /* those of them that held before */
    __u64 holds;
    __u64 amounts[L7_AMOUNTS];
    __u32 bank;
    __u32 hysteresis;
};

static long l7_move_one(__u32 i, struct l7_moving *m) {
    struct l7_rule *rule;
    __u32 index = m->bank * L7_RULES_MAX + i;

    if (i >= L7_RULES_MAX || !(m->bits >> i & 1))
        return 0;
    rule = bpf_map_lookup_elem(&rules, &index);
    if (rule && l7_rule_holds(rule, m->amounts, (int)(m->held >> i & 1), m->hysteresis))
        m->holds |= 1ULL << i;
    return 0;
}

/* Amounts, once a tick. */
__attribute__((noinline)) int l7_rules_move(struct l7_flow *flow, __u32 now) {
    struct l7_settings *set;
    struct l7_moving m = {};
    __u32 zero = 0;

    set = bpf_map_lookup_elem(&settings, &zero);
    if (!flow || !set)
        return 0;
    m.bits = flow->rules & set->rules_moving;
    m.held = flow->rules_now;
    l7_flow_amounts(flow, now, set->second, m.amounts);
    m.bank = flow->rules_epoch & 1;
    m.hysteresis = set->hysteresis;
    bpf_loop(L7_RULES_MAX, l7_move_one, &m, 0);
    flow->rules_now = (flow->rules & ~set->rules_moving) | m.holds;
    return 0;
}

/* The rules that the flow meets but for its device and direction. stale: a tick has passed since
 * its last packet. */
L7_INLINE __u64 l7_rules_now(struct l7_flow *flow, struct l7_key *key, __u32 now, int stale,
                             struct l7_settings *set) {
    if (L7_UNLIKELY(flow->rules_epoch != set->rules_epoch)) {
        l7_rules_refresh(flow, key);
        stale = 1;
    }
    if (L7_UNLIKELY(stale && (flow->rules & set->rules_moving)))
        l7_rules_move(flow, now);
    return flow->rules_now;
}

/* Places of a lone bit, by the upper six bits of its product with a de Bruijn sequence. */
static const __u8 l7_bit_places[64] = {
    0,  1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,  62, 55, 59, 36, 53, 51,
    43, 22, 45, 39, 33, 30, 24, 18, 12, 5,  63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
    44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,  6,
};

/* The lowest bit's number; bits is not 0. BPF has no instruction for it. */
L7_INLINE __u32 l7_lowest(__u64 bits) {
    return l7_bit_places[(bits & -bits) * 0x03f79d71b4cb0a89ULL >> 58];
}

/* The first of these rules that holds for a packet of this DSCP here; 0: none. *number: its place
 * in the tables. */
L7_INLINE struct l7_rule *l7_rules_first(__u64 bits, __u32 attach, __u8 dscp,
                                         struct l7_settings *set, __u32 *number) {
    const __u32 bank = set->rules_epoch & 1;

    bits &= set->hooks[bank][attach & (L7_ATTACH_MAX - 1)];
    if (!bits)
        return 0;
    if (L7_UNLIKELY(bits & set->rules_dscp)) {
        __u32 index = bank * 64 + (dscp & 63);
        __u64 *allowed = bpf_map_lookup_elem(&rule_dscp, &index);

        if (!allowed || !(bits &= *allowed))
            return 0;
    }
    *number = bank * L7_RULES_MAX + (l7_lowest(bits) & (L7_RULES_MAX - 1));
    return bpf_map_lookup_elem(&rules, number);
}

L7_INLINE void l7_rule_hit(__u32 number, __u32 attach, __u32 packets, __u64 bytes) {
    __u32 index = number * L7_ATTACH_MAX + attach;
    struct l7_hits *hits = bpf_map_lookup_elem(&rule_hits, &index);

    if (!hits)
        return;
    hits->packets += packets;
    hits->bytes += bytes;
}

#endif
