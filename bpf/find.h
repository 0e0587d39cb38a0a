/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow that a packet belongs to: found in either table, announced by a parent, or begun. */
#ifndef L7CTL_BPF_FIND_H
#define L7CTL_BPF_FIND_H

#include "conntrack.h"
#include "expect.h"

/* A new flow is presumed to be what its server's last flows were. */
L7_STEP int l7_presume(const struct l7_key *key, struct l7_flow *fresh) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    struct l7_endpoint_verdict *known;

    if (!s || !key || !fresh)
        return 0;
    l7_flow_server(key, fresh, &s->server);
    known = bpf_map_lookup_elem(&endpoints, &s->server);
    if (!known || known->until_s < bpf_ktime_get_ns() / 1000000000)
        return 0;
    l7_flow_presume(fresh, known->protocol, known->application);
    l7_count(flows_provisional);
    return 0;
}

/* Enters the flow that the packet begins among the newcomers. Where two CPUs meet here, one creates
 * the flow and the other's attempt changes nothing. */
L7_STEP int l7_begin(struct __sk_buff *skb, struct l7_pass *pass) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);

    if (!pass || !s)
        return 0;
    s->key = pass->packet.key; /* 6.1 takes no argument's memory as a map's key */
    l7_flow_begin(&s->fresh, &pass->packet, pass->now);
    l7_presume(&s->key, &s->fresh);
    if (s->fresh.flags & L7_F_MIDSTREAM)
        l7_pick_up(skb, &pass->packet, &s->fresh);
    if (bpf_map_update_elem(&newcomers, &s->key, &s->fresh, BPF_NOEXIST) == 0) {
        l7_count(flows_created);
        l7_account_flow(pass->attach, L7_UNSET, 0, 1);
    }
    return 0;
}

/* Looks a flow up in one table. One that a new connection on its ports takes the place of is
 * removed. */
L7_INLINE struct l7_flow *l7_look_up(void *table, const struct l7_packet *packet) {
    struct l7_flow *flow = bpf_map_lookup_elem(table, &packet->key);

    if (L7_LIKELY(!flow || !l7_flow_restarts(flow, packet)))
        return flow;
    l7_count(flows_restarted);
    bpf_map_delete_elem(table, &packet->key);
    return 0;
}

/* Returns 0 where there is no room for the flow. */
L7_INLINE struct l7_flow *l7_find(struct __sk_buff *skb, struct l7_pass *pass,
                                  const struct l7_settings *set) {
    struct l7_flow *flow = l7_look_up(&flows, &pass->packet);

    if (L7_LIKELY(flow != 0))
        return flow;
    if (L7_UNLIKELY(set->expecting) && l7_expect(skb, pass)) {
        flow = bpf_map_lookup_elem(&flows, &pass->packet.key);
        if (flow)
            return flow;
    }
    flow = l7_look_up(&newcomers, &pass->packet);
    if (flow)
        return flow;
    l7_begin(skb, pass);
    flow = bpf_map_lookup_elem(&newcomers, &pass->packet.key);
    if (!flow)
        l7_count(newcomers_failed);
    return flow;
}

#endif
