/* SPDX-License-Identifier: GPL-2.0-only */
/* What a rule makes of a packet at tc: mark, class, DSCP, or its end. */
#ifndef L7CTL_BPF_OUTCOME_H
#define L7CTL_BPF_OUTCOME_H

#include "pass.h"
#include "rules.h"

#define L7_TC_SHOT 2 /* TC_ACT_SHOT, TCX_DROP */

/* Writes the DSCP of the IP header at `ip`; ECN's bits stay. RFC 791 with its checksum, RFC 8200.
 */
__attribute__((noinline)) int l7_set_dscp(struct __sk_buff *skb, __u32 ip, __u8 dscp) {
    __u8 old[2], to[2];
    int failed;

    if (bpf_skb_load_bytes(skb, ip, old, sizeof(old)) < 0) {
        l7_count(dscp_failed);
        return 0;
    }
    if (old[0] >> 4 == 4) {
        __u16 before, after;

        to[0] = old[0];
        to[1] = (__u8)(dscp << 2 | (old[1] & 3));
        if (to[1] == old[1])
            return 0;
        __builtin_memcpy(&before, old, 2);
        __builtin_memcpy(&after, to, 2);
        /* The header's sum stays what it was, so the device's sum over the packet does, too. */
        failed = bpf_skb_store_bytes(skb, ip, to, sizeof(to), 0) < 0 ||
                 bpf_l3_csum_replace(skb, ip + 10, before, after, 2) < 0;
    } else {
        to[0] = (__u8)((old[0] & 0xf0) | dscp >> 2);
        to[1] = (__u8)(dscp << 6 | (old[1] & 0x3f));
        if (to[0] == old[0] && to[1] == old[1])
            return 0;
        failed = bpf_skb_store_bytes(skb, ip, to, sizeof(to), BPF_F_RECOMPUTE_CSUM) < 0;
    }
    if (failed)
        l7_count(dscp_failed);
    return 0;
}

/* What the first of these rules does to the packet. Returns the program's answer. */
L7_INLINE int l7_rules_apply(struct __sk_buff *skb, __u64 bits, const struct l7_pass *pass,
                             struct l7_settings *set) {
    struct l7_rule *rule;
    __u32 number, mask;

    rule = l7_rules_first(bits, pass->attach, pass->packet.dscp, set, &number);
    if (!rule)
        return L7_TC_NEXT;
    l7_rule_hit(number, pass->attach, pass->packets, pass->bytes);
    if (L7_UNLIKELY(rule->outcome & L7_O_DROP)) {
        l7_count(rules_dropped);
        return L7_TC_SHOT;
    }
    if (rule->outcome & L7_O_MARK) {
        mask = rule->mark_mask & set->mark_mask;
        skb->mark = (skb->mark & ~mask) | (rule->mark & mask);
    }
    if (rule->outcome & L7_O_CLASS)
        skb->priority = rule->classid;
    if (L7_UNLIKELY(rule->outcome & L7_O_DSCP))
        l7_set_dscp(skb, pass->packet.ip, (__u8)rule->dscp);
    return L7_TC_NEXT;
}

#endif
