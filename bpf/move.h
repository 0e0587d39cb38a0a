/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flow that gets a protocol moves from newcomers to flows, while packets go on. From the
 * insertion on they find the new entry; a CPU that found the old one a moment before still writes
 * there. So what was counted before is taken off the old entry, which stays a while, and what it
 * learns is merged into the new one by whoever comes second: the mover looks after it has set
 * L7_F_MOVED, a packet looks for that after it has written.
 */
#ifndef L7CTL_BPF_MOVE_H
#define L7CTL_BPF_MOVE_H

#include "maps.h"
#include <l7ctl/flow.h>

/* Where the flow of an old entry lives on; 0: nowhere, or not yet. */
static struct l7_flow *l7_moved_to(const struct l7_key *key, const struct l7_flow *old) {
    struct l7_flow *now;

    if (!(old->flags & L7_F_MOVED))
        return 0;
    now = bpf_map_lookup_elem(&flows, key);
    return now && now->born == old->born ? now : 0;
}

/* `moved`, a copy of `old`, has been inserted. */
static void l7_settle(const struct l7_key *key, struct l7_flow *old, const struct l7_flow *moved) {
    struct l7_flow *now;

    l7_flow_moved(old, moved);
    now = l7_moved_to(key, old);
    if (now)
        l7_flow_merge(now, old);
}

#endif
