/* SPDX-License-Identifier: GPL-2.0-only */
/* One packet at its flow (l7ctl/step.h), whichever table the flow is in, and the rules it meets. */
#ifndef L7CTL_BPF_STEP_H
#define L7CTL_BPF_STEP_H

#include "move.h"
#include "pass.h"
#include "rules.h"

static long l7_option_one(__u32 i, __u32 *size) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);

    return s && l7_tcp_option(s->options, *size, &s->said) ? 0 : 1;
}

/* Reads a segment's options into the scratch. Only a SYN's, and selective acknowledgements, say
 * anything of windows. */
L7_STEP int l7_tcp_read(struct __sk_buff *skb, struct l7_packet *packet) {
    __u32 zero = 0, size, last;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);

    if (!packet || !s)
        return 0;
    __builtin_memset(&s->said, 0, sizeof(s->said));
    last = packet->options - 1U; /* 6.1 does not learn from size > 0 that it is not zero */
    barrier_var(last);
    if (last >= L7_TCP_OPTIONS_MAX)
        return 0;
    barrier_var(last);
    size = last + 1;
    if (bpf_skb_load_bytes(skb, packet->payload - size, s->options, size) == 0 &&
        !l7_tcp_options_plain(size, *(__u32 *)s->options))
        bpf_loop(L7_TCP_OPTIONS_MAX, l7_option_one, &size, 0);
    return 0;
}

/* Passes on what a packet wrote to the entry of a flow that has moved meanwhile. */
L7_STEP int l7_catch_up(const struct l7_key *key, struct l7_flow *old) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    struct l7_flow *now;

    if (!s || !key || !old)
        return 0;
    /* A barrier: what was written before is there for whoever sets the flag from now on. */
    if (!(__sync_fetch_and_or(&old->flags, 0) & L7_F_MOVED))
        return 0;
    s->key = *key;
    now = l7_moved_to(&s->key, old);
    if (now)
        l7_flow_merge(now, old);
    return 0;
}

/* The rest of the step, for flows whose payload is wanted and segments that are not plain. */
L7_STEP int l7_step_slow(struct __sk_buff *skb, struct l7_flow *flow, struct l7_pass *pass) {
    __u32 zero = 0;
    struct l7_settings *set = bpf_map_lookup_elem(&settings, &zero);
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    struct l7_counters *counted = bpf_map_lookup_elem(&counters, &zero);
    int room;

    if (!flow || !pass || !set || !s || !counted)
        return 0;
    if (l7_is_segment(&pass->packet))
        l7_tcp_read(skb, &pass->packet);
    if (l7_step_rest(flow, pass, &s->said, set, counted, &s->sample) == L7_SAMPLE_TAKE) {
        l7_record_fill(&s->head, L7_RECORD_SAMPLE, flow, pass, &s->sample, bpf_ktime_get_ns());
        room = l7_ring_put(skb, &s->head, pass->packet.payload + s->sample.skip) == 0;
        l7_step_recorded(flow, pass, &s->sample, counted, room);
    }
    l7_catch_up(&pass->packet.key, flow);
    return 0;
}

/* Takes the packet's step. Returns the rules that its flow meets. */
L7_INLINE __u64 l7_flow_step(struct __sk_buff *skb, struct l7_flow *flow, struct l7_pass *pass,
                             struct l7_settings *set) {
    if (L7_UNLIKELY(!l7_step_count(flow, pass, set)))
        l7_step_slow(skb, flow, pass);
    return l7_rules_now(flow, &pass->packet.key, pass->now, (int)pass->stale, set);
}

#endif
