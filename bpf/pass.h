/* SPDX-License-Identifier: GPL-2.0-only */
/* What the steps of one packet through the packet path have in common. */
#ifndef L7CTL_BPF_PASS_H
#define L7CTL_BPF_PASS_H

#include "ring.h"

/*
 * A step that is verified by itself, once, knowing only the types of what it is given; steps that
 * are static are verified again for each way that leads to them.
 */
#define L7_STEP __attribute__((noinline))

/* What the steps of one packet share. */
struct l7_pass {
    struct l7_packet packet;
    __u32 attach;  /* attachment point: device slot and hook */
    __u32 now;     /* jiffies */
    __u32 packets; /* on the wire */
    __u32 sampled; /* payload of the first wire packet */
    __u64 bytes;
    __u32 direction;
    __u32 stale;       /* a tick has passed since the direction's last packet */
    __u64 rules;       /* out: those that the flow meets */
    __u32 application; /* out: the flow's */
};

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
