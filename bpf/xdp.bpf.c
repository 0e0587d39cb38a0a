/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drops, before the kernel makes an skb of them, packets of flows that have their verdict and meet
 * a rule that drops. Whatever it is not sure of passes, to be judged at tc ingress, whose rules and
 * accounting it shares.
 */
#include "account.h"
#include "device.h"
#include "rules.h"
#include <l7ctl/flow.h>

const volatile __u32 l7_frags = 0; /* 1: packets may have more than their linear part */

L7_INLINE int l7_dropped(struct xdp_md *ctx, struct l7_settings *set) {
    const __u32 attach = l7_device_slot * 2 + L7_INGRESS;
    const __u32 size = l7_frags ? (__u32)bpf_xdp_get_buff_len(ctx) : ctx->data_end - ctx->data;
    const __u32 now = (__u32)bpf_jiffies64();
    struct l7_packet packet;
    struct l7_flow *flow;
    struct l7_rule *rule;
    __u32 number, direction;
    __u64 met;

    if (l7_parse_begin((void *)(long)ctx->data, (void *)(long)ctx->data_end, size,
                       (int)l7_l3_device, &packet, 0, 0) != L7_PARSE_OK ||
        l7_is_tunnel(&packet, set->tunnels) ||
        (packet.tcp_flags & (L7_TCP_SYN | L7_TCP_FIN | L7_TCP_RST)))
        return 0;
    flow = bpf_map_lookup_elem(&flows, &packet.key);
    /* Followed flows are still to be read. */
    if (!flow || (flow->flags & L7_F_FOLLOW))
        return 0;
    direction = l7_flow_direction(flow, &packet);
    met = l7_rules_now(flow, &packet.key, now, flow->seen[direction] != now, set);
    if (!(met & set->rules_drop))
        return 0;
    rule = l7_rules_first(met, attach, packet.dscp, set, &number);
    if (!rule || !(rule->outcome & L7_O_DROP))
        return 0;
    if (l7_flow_owned(flow, direction, attach, now, set->handover_ticks))
        l7_flow_count(flow, direction, 1, size, now, set->second);
    l7_account_packets(attach, flow->protocol, flow->application, 1, size);
    l7_rule_hit(number, attach, 1, size);
    return 1;
}

SEC("xdp")
int l7_xdp(struct xdp_md *ctx) {
    __u32 zero = 0;
    struct l7_settings *set = bpf_map_lookup_elem(&settings, &zero);

    if (!set || set->bypass || !set->rules_drop || !l7_dropped(ctx, set))
        return XDP_PASS;
    l7_count(rules_dropped);
    l7_count(xdp_dropped);
    return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
