/* SPDX-License-Identifier: GPL-2.0-only */
/* What the steps of the packet path have in common. */
#ifndef L7CTL_BPF_PASS_H
#define L7CTL_BPF_PASS_H

#include "ring.h"

#include <l7ctl/step.h>

/*
 * A step that is verified by itself, once, knowing only the types of what it is given; steps that
 * are static are verified again for each way that leads to them.
 */
#define L7_STEP __attribute__((noinline))

/* Room for what the slow steps make, which the stack has not: tc programs do not nest on a CPU. */
struct l7_scratch {
    struct l7_key key;
    struct l7_fragment_key datagram;
    struct l7_walk walk;
    struct l7_flow fresh;
    struct l7_record head;
    struct l7_sample sample;
    struct l7_endpoint server;
    struct l7_expected expected;
    struct l7_tcp_options said;
    __u8 options[L7_TCP_OPTIONS_ROOM];
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct l7_scratch);
} scratch SEC(".maps");

#endif
