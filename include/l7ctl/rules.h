/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which rule a flow meets. Each rule is a bit; what the flow is (protocol, application, host,
 * addresses, ports) takes bits away when it changes, its rate, amounts and age once a tick, and the
 * packet's device and direction at every packet. The lowest bit that is left is the rule.
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

/* Whether the flow meets what the rule asks beside bits. age: seconds; in: it did before. */
L7_INLINE int l7_rule_holds(const struct l7_rule *rule, __u64 rate, __u64 bytes, __u64 packets,
                            __u32 age, int in, __u32 hysteresis) {
    if (rule->asks & L7_RULE_RATE) {
        const int outside = (rule->asks & L7_RULE_NOT_RATE) != 0;
        /* Outside is what is left for hysteresis to make smaller. */
        const int within =
            l7_rule_within(rate, rule->rate[0], rule->rate[1], outside ? !in : in, hysteresis);

        if (within == outside)
            return 0;
    }
    if ((rule->asks & L7_RULE_BYTES) && (bytes < rule->bytes[0] || bytes > rule->bytes[1]))
        return 0;
    if ((rule->asks & L7_RULE_PACKETS) &&
        (packets < rule->packets[0] || packets > rule->packets[1]))
        return 0;
    if ((rule->asks & L7_RULE_AGE) && (age < rule->age[0] || age > rule->age[1]))
        return 0;
    return 1;
}

#endif
