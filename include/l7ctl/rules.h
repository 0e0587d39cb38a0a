/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which rule a flow meets. Each rule is a bit; what the flow is (protocol, application, host,
 * addresses, ports) takes bits away when it changes, its amounts (rate, bytes, packets, age) once a
 * tick, and the packet's device and direction at every packet. The lowest bit that is left is the
 * rule.
 */
#ifndef L7CTL_RULES_H
#define L7CTL_RULES_H

#include <l7ctl/rate.h>

/* What the tables say of one flow, before it is put together. */
struct l7_rule_look {
    struct l7_rule_bits protocol;
    struct l7_rule_bits application;
    __u64 host;
    __u64 address; /* of either end */
    __u64 port;
};

L7_INLINE __u64 l7_rules_of(const struct l7_rule_look *look) {
    return look->protocol.named & look->application.named &
           (look->protocol.grouped | look->application.grouped) & look->host & look->address &
           look->port;
}

/* in: the flow was within the range before, which is wider then. */
L7_INLINE int l7_rule_within(__u64 value, __u64 from, __u64 to, int in, __u32 hysteresis) {
    if (in) {
        from -= from / 100 * hysteresis + from % 100 * hysteresis / 100;
        if (to < ~0ULL / 200)
            to += to * hysteresis / 100;
    }
    return value >= from && value <= to;
}

/* The flow's amounts as of tick `now`; second: ticks of one. */
L7_INLINE void l7_flow_amounts(const struct l7_flow *flow, __u32 now, __u32 second,
                               __u64 amounts[L7_AMOUNTS]) {
    const __u64 rate = l7_rate_read(flow, 0, now, second),
                back = l7_rate_read(flow, 1, now, second);

    amounts[L7_AMOUNT_RATE] = rate > back ? rate : back;
    amounts[L7_AMOUNT_BYTES] = flow->bytes[0] + flow->bytes[1];
    amounts[L7_AMOUNT_PACKETS] = flow->packets[0] + flow->packets[1];
    amounts[L7_AMOUNT_AGE] = (now - flow->born) / (second ? second : 1);
}

/* Whether the flow meets what the rule asks beside bits; in: it did before, and a rate is given
 * some room then. */
L7_INLINE int l7_rule_holds(const struct l7_rule *rule, const __u64 amounts[L7_AMOUNTS], int in,
                            __u32 hysteresis) {
    int i;

    for (i = 0; i < L7_AMOUNTS; i++) {
        const int outside = (int)(rule->outside >> i & 1);
        /* Outside is what is left for hysteresis to make smaller. */
        const int before = i == L7_AMOUNT_RATE && (outside ? !in : in);

        if ((rule->asks >> i & 1) &&
            l7_rule_within(amounts[i], rule->ranges[i][0], rule->ranges[i][1], before,
                           hysteresis) == outside)
            return 0;
    }
    return 1;
}

#endif
