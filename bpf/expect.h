/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections that a parent announced are known from their first packet, and the loader is told. */
#ifndef L7CTL_BPF_EXPECT_H
#define L7CTL_BPF_EXPECT_H

#include "account.h"
#include "move.h"
#include "pass.h"

/* After so many packets a flow is not held against expectations any more. An end that is near sends
 * its first 64 KiB, which with acknowledgements are some 70 packets, before the loader has read the
 * announcement. */
#define L7_EXPECTED_LATE 1024

/* Tells the loader that an announced flow has begun. */
L7_INLINE void l7_tell_expected(struct __sk_buff *skb, struct l7_pass *pass, struct l7_scratch *s) {
    l7_record_fill(&s->head, L7_RECORD_EXPECTED, &s->fresh, pass, 0, bpf_ktime_get_ns());
    if (l7_ring_put(skb, &s->head, 0) == 0)
        l7_count(records);
    else
        l7_count(records_lost);
}

/* Looks for an expectation that the packet meets; its key is left in the scratch. */
L7_INLINE struct l7_expectation *l7_expected_by(struct l7_pass *pass, struct l7_scratch *s) {
    struct l7_expectation *expectation = 0;
    int way;

    for (way = 0; way < L7_EXPECTED_WAYS(pass->packet.key.l4) && !expectation; way++) {
        l7_flow_expected_as(&pass->packet, way, &s->expected);
        expectation = bpf_map_lookup_elem(&expectations, &s->expected);
    }
    return expectation && l7_expectation_stands(expectation, &pass->packet,
                                                (__u32)(bpf_ktime_get_ns() / 1000000000))
               ? expectation
               : 0;
}

/*
 * Enters a flow that a parent announced among those that have a verdict. No flood can use this way,
 * as no more flows can take it than were announced. A flow whose first packets were quicker than
 * the loader takes it with a later one. Returns 1 where the flow was announced.
 */
L7_STEP int l7_expect(struct __sk_buff *skb, struct l7_pass *pass) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    struct l7_expectation *expectation;
    struct l7_flow *old;

    if (!s || !pass)
        return 0;
    s->key = pass->packet.key;
    old = bpf_map_lookup_elem(&newcomers, &s->key);
    if (old && (old->protocol > L7_UNKNOWN || (old->flags & L7_F_MOVED) ||
                old->packets[0] + old->packets[1] >= L7_EXPECTED_LATE))
        return 0;
    expectation = l7_expected_by(pass, s);
    if (!expectation)
        return 0;
    if (old)
        s->fresh = *old;
    else
        l7_flow_begin(&s->fresh, &pass->packet, pass->now);
    l7_flow_expect(&s->fresh, expectation);
    if (!(expectation->flags & L7_X_STAYS))
        bpf_map_delete_elem(&expectations, &s->expected);
    if (bpf_map_update_elem(&flows, &s->key, &s->fresh, BPF_NOEXIST) != 0)
        return 0;
    if (old) {
        l7_settle(&s->key, old, &s->fresh);
        l7_account_flow(pass->attach, old->protocol, 0, -1);
    } else {
        l7_count(flows_created);
    }
    l7_count(flows_expected);
    l7_account_flow(pass->attach, s->fresh.protocol, s->fresh.application, 1);
    l7_tell_expected(skb, pass, s);
    return 1;
}

#endif
