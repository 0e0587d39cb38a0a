/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one packet does to its flow. The step is the same for the flows of both tables and for the
 * native path: the packet is counted, a TCP segment is held against its connection's windows, and
 * what of its payload goes to the loader is decided. The caller finds the flow, reads the segment's
 * options and makes the record.
 *
 *     if (!l7_step_count(flow, pass, set)) {
 *         read the options
 *         if (l7_step_rest(...) == L7_SAMPLE_TAKE) {
 *             l7_record_fill(...), put the record into the ring
 *             l7_step_recorded(...)
 *         }
 *     }
 */
#ifndef L7CTL_STEP_H
#define L7CTL_STEP_H

#include <l7ctl/sample.h>

/* Counts the packet, and takes the plain segment of a flow of which nothing is wanted. Returns 0
 * where the rest of the step is needed. Nearly every packet needs none, so this part is inline in
 * the packet path and reads no options. */
L7_INLINE int l7_step_count(struct l7_flow *flow, struct l7_pass *pass,
                            const struct l7_settings *set) {
    const __u32 direction = l7_flow_direction(flow, &pass->packet);

    pass->direction = direction;
    pass->stale = 0;
    if (!l7_flow_owned(flow, direction, pass->attach, pass->now, set->handover_ticks))
        return 1;
    pass->stale = flow->seen[direction] != pass->now;
    l7_flow_count(flow, direction, pass->packets, pass->bytes, pass->now, set->second);
    if (L7_UNLIKELY(l7_flow_wanted(flow)))
        return 0;
    return !l7_is_segment(&pass->packet) || l7_tcp_quick(flow, &pass->packet, direction, pass->now);
}

/* The rest: windows, flags, and what is sampled. said: what the segment's options say. */
L7_INLINE enum l7_sample_kind l7_step_rest(struct l7_flow *flow, const struct l7_pass *pass,
                                           const struct l7_tcp_options *said,
                                           const struct l7_settings *set,
                                           struct l7_counters *counters, struct l7_sample *sample) {
    enum l7_sample_kind kind;
    int ends = 0;

    if (l7_is_segment(&pass->packet)) {
        const enum l7_tcp_fit fit =
            l7_tcp_segment(flow, &pass->packet, pass->direction, said, pass->now, set->second);

        l7_count_tcp(counters, fit);
        if (fit != L7_TCP_FITS)
            return L7_SAMPLE_NONE;
        ends = l7_flow_note_flags(flow, &pass->packet, pass->direction);
    }
    if (!l7_flow_wanted(flow))
        return L7_SAMPLE_NONE;
    kind = l7_flow_sample(flow, pass, ends, set, sample);
    if (kind == L7_SAMPLE_RETRANSMITTED)
        counters->retransmitted++;
    if (kind == L7_SAMPLE_TAKE && sample->limit == L7_LIMIT_PACKETS)
        counters->limit_packets++;
    if (kind == L7_SAMPLE_TAKE && sample->limit == L7_LIMIT_BYTES)
        counters->limit_bytes++;
    return kind;
}

/* The sample's record is in the ring, or there was no room for it. */
L7_INLINE void l7_step_recorded(struct l7_flow *flow, const struct l7_pass *pass,
                                const struct l7_sample *sample, struct l7_counters *counters,
                                int room) {
    if (room) {
        l7_flow_sampled(flow, pass->direction, sample);
        counters->records++;
    } else {
        l7_flow_sample_lost(flow, pass->direction, sample);
        counters->records_lost++;
    }
}

#endif
