/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet path: one object for each device. Parse the packet, find its flow, take its step, and
 * let the rules that the flow meets set mark and class.
 */
#include "find.h"
#include "outcome.h"
#include "parse.h"
#include "step.h"

L7_INLINE int l7_classify(struct __sk_buff *skb, __u32 hook) {
    __u32 zero = 0;
    struct l7_settings *set = bpf_map_lookup_elem(&settings, &zero);
    struct l7_flow *flow;
    struct l7_pass pass;
    __u64 met;

    if (!set)
        return L7_TC_NEXT;
    if (L7_UNLIKELY(set->bypass)) {
        l7_count(bypassed);
        return L7_TC_NEXT;
    }
    pass.attach = l7_device_slot * 2 + hook;
    if (!l7_read(skb, &pass, set))
        return L7_TC_NEXT;
    pass.now = (__u32)bpf_jiffies64();
    flow = l7_find(skb, &pass, set);
    if (L7_UNLIKELY(!flow)) {
        l7_account_packets(pass.attach, L7_UNSET, 0, pass.packets, pass.bytes);
        return L7_TC_NEXT;
    }
    met = l7_flow_step(skb, flow, &pass, set);
    l7_account_packets(pass.attach, flow->protocol, flow->application, pass.packets, pass.bytes);
    return met ? l7_rules_apply(skb, met, &pass, set) : L7_TC_NEXT;
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
