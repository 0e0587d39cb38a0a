/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How fast a flow is, each direction by itself: a time sliding window (RFC 2859, section 2) of
 * three seconds, R' = (R * W + bytes) / (W + dt), in whole numbers, from 1 B/s to 100 GB/s. Brought
 * up to date at most once a tick; decays when read.
 *
 * Bytes come from the flow's own counters, so that a packet costs nothing here but a look at the
 * clock's tick, and that is the one of the direction's last packet: with each new one the rate is
 * brought up to date. CPUs that meet elect one by compare-and-exchange on it.
 */
#ifndef L7CTL_RATE_H
#define L7CTL_RATE_H

#include <l7ctl/abi.h>

#define L7_RATE_SHIFT 8
#define L7_RATE_ONE (1ULL << L7_RATE_SHIFT) /* 1 B/s */
#define L7_RATE_WINDOW 3                    /* seconds */

/* The rate after dt ticks in which `bytes` passed; second: ticks of one. */
L7_INLINE __u64 l7_rate_next(__u64 rate, __u64 bytes, __u32 dt, __u32 second) {
    const __u64 window = (__u64)second * L7_RATE_WINDOW;
    const __u64 span = window + dt;
    /* At 100 GB/s within three seconds of a tick of 1 ms: 2^38 bytes, 2^10 ticks, 2^8 for one. */
    const __u64 most = ~0ULL >> 2; /* two of them and the rounding have room */
    const __u64 moved =
        bytes < most / (second + 1ULL) >> L7_RATE_SHIFT ? bytes * second << L7_RATE_SHIFT : most;
    const __u64 kept = rate < most / (window + 1) ? rate * window : most;

    return (kept + moved + span / 2) / (span ? span : 1);
}

/* A packet of direction `way` is seen at tick `now`; it is counted after. */
L7_INLINE void l7_rate_update(struct l7_flow *flow, __u32 way, __u32 now, __u32 second) {
    const __u32 then = flow->seen[way];
    const __u32 bytes = (__u32)flow->bytes[way];
    __u32 moved;

    if (L7_LIKELY(then == now) || !__sync_bool_compare_and_swap(&flow->seen[way], then, now))
        return;
    /* What one tick can bring is less than 4 GiB, up to 400 GB/s. */
    moved = bytes - flow->counted[way];
    flow->counted[way] = bytes;
    flow->rate[way] = l7_rate_next(flow->rate[way], moved, now - then, second);
}

/* Bytes per second as of `now`, with what has come since the last update. */
L7_INLINE __u64 l7_rate_read(const struct l7_flow *flow, __u32 way, __u32 now, __u32 second) {
    const __u32 dt = now - flow->seen[way];
    const __u32 moved = (__u32)flow->bytes[way] - flow->counted[way];

    if ((__s32)dt < 0)
        return flow->rate[way] >> L7_RATE_SHIFT;
    return (l7_rate_next(flow->rate[way], moved, dt, second) + L7_RATE_ONE / 2) >> L7_RATE_SHIFT;
}

#endif
