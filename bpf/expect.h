/* SPDX-License-Identifier: GPL-2.0-only */
/* Announced connections: met with their first packet, and told to the loader. */
#ifndef L7CTL_BPF_EXPECT_H
#define L7CTL_BPF_EXPECT_H

#include "move.h"
#include "pass.h"

/* Packets after which a flow is not held against expectations any more. An end that is near sends
 * its first 64 KiB, with their acknowledgements some 70, before the loader has read what was
 * announced. */
#define L7_EXPECTED_LATE 1024

/* The loader hears that an announced flow has begun. */
L7_STEP int l7_tell_expected(struct __sk_buff *skb, struct l7_flow *flow, struct l7_pass *pass) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    struct l7_record *head;

    if (!s || !flow || !pass)
        return 0;
    head = &s->head;
    __builtin_memset(head, 0, sizeof(*head));
    head->key = pass->packet.key;
    head->time_ns = bpf_ktime_get_ns();
    head->hash = l7_key_hash(&pass->packet.key);
    head->packet = 1;
    head->offset = flow->parent;
    head->flags = L7_R_EXPECTED;
    head->direction = flow->flags & L7_F_INITIATOR_1 ? 1 : 0; /* the end that began it */
    head->protocol = flow->protocol;
    head->born = flow->born;
    if (l7_ring_put(skb, head, pass->packet.payload) == 0)
        l7_count(records);
    else
        l7_count(records_lost);
    return 0;
}

/*
 * A flow that somebody announced is entered among those that have a verdict: so many of them as are
 * announced, which is why no flood can use this way. One whose first packets were quicker than the
 * loader is met with a later one. Returns 1 where it was.
 */
L7_STEP int l7_expect(struct l7_pass *pass) {
    __u32 zero = 0;
    int way;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    struct l7_expectation *expectation = 0;
    struct l7_account *account;
    struct l7_flow *old;
    struct l7_key key;

    if (!s || !pass)
        return 0;
    key = pass->packet.key;
    old = bpf_map_lookup_elem(&newcomers, &key);
    if (old && (old->protocol > L7_UNKNOWN || (old->flags & L7_F_MOVED) ||
                old->packets[0] + old->packets[1] >= L7_EXPECTED_LATE))
        return 0;
    for (way = 0; way < 4; way++) {
        if (way >= L7_EXPECTED_WAYS(pass->packet.key.l4))
            break;
        l7_flow_expected_as(&pass->packet, way, &s->expected);
        expectation = bpf_map_lookup_elem(&expectations, &s->expected);
        if (expectation)
            break;
    }
    if (!expectation || !l7_expectation_stands(expectation, &pass->packet,
                                               (__u32)(bpf_ktime_get_ns() / 1000000000)))
        return 0;
    if (old)
        s->fresh = *old;
    else
        l7_flow_begin(&s->fresh, &pass->packet, pass->now);
    l7_flow_expect(&s->fresh, expectation);
    if (!(expectation->flags & L7_X_STAYS))
        bpf_map_delete_elem(&expectations, &s->expected);
    if (bpf_map_update_elem(&flows, &key, &s->fresh, BPF_NOEXIST) != 0)
        return 0;
    if (old) {
        l7_settle(&key, old, &s->fresh);
        account = l7_account_of(pass->attach, old->protocol);
        if (account)
            account->flows--;
    } else {
        l7_count(flows_created);
    }
    l7_count(flows_expected);
    account = l7_account_of(pass->attach, s->fresh.protocol);
    if (account)
        account->flows++;
    if (s->fresh.application && (account = l7_account_app(pass->attach, s->fresh.application)) != 0)
        account->flows++;
    return 1;
}

#endif
