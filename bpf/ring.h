/* SPDX-License-Identifier: GPL-2.0-only */
/* Records go into the ring of their flow's worker. They come in size classes, as the kernel
 * reserves constant sizes. */
#ifndef L7CTL_BPF_RING_H
#define L7CTL_BPF_RING_H

#include "maps.h"

/*
 * Copies `size` payload bytes at `from` behind *head into a record of the class. Returns 0, or -1
 * where the ring is full or the bytes are not there. While the worker is awake nobody wakes it: it
 * looks again before it sleeps. The flag is read after the reservation moved the ring's producer
 * position, which the worker reads after it clears the flag: one of the two always sees the other.
 * The size is bounded as size - 1, as 6.1 does not learn from size > 0 that it is not zero.
 */
#define L7_RING_CLASS(bytes)                                                                       \
    static __attribute__((noinline)) int l7_ring_##bytes(                                          \
        struct __sk_buff *skb, const struct l7_record *head, __u32 from) {                         \
        struct record_##bytes {                                                                    \
            struct l7_record head;                                                                 \
            __u8 data[bytes];                                                                      \
        } * record;                                                                                \
        __u32 shard = 0, size = head->size, last;                                                  \
        struct l7_settings *set = bpf_map_lookup_elem(&settings, &shard);                          \
        struct l7_worker *worker;                                                                  \
        void *ring;                                                                                \
                                                                                                   \
        if (!set)                                                                                  \
            return -1;                                                                             \
        shard = head->hash & (set->shards - 1) & (L7_SHARDS_MAX - 1);                              \
        ring = bpf_map_lookup_elem(&rings, &shard);                                                \
        worker = bpf_map_lookup_elem(&workers, &shard);                                            \
        if (!ring || !worker)                                                                      \
            return -1;                                                                             \
        record = bpf_ringbuf_reserve(ring, sizeof(*record), 0);                                    \
        if (!record)                                                                               \
            return -1;                                                                             \
        record->head = *head;                                                                      \
        if (size > bytes)                                                                          \
            size = bytes;                                                                          \
        last = size - 1;                                                                           \
        asm volatile("" : "+r"(last));                                                             \
        if (last < bytes && bpf_skb_load_bytes(skb, from, record->data, last + 1) < 0) {           \
            bpf_ringbuf_discard(record, 0);                                                        \
            l7_count(payload_load_failed);                                                         \
            return -1;                                                                             \
        }                                                                                          \
        bpf_ringbuf_submit(record, *(volatile __u32 *)&worker->awake ? BPF_RB_NO_WAKEUP            \
                                                                     : BPF_RB_FORCE_WAKEUP);       \
        return 0;                                                                                  \
    }

L7_RING_CLASS(248)
L7_RING_CLASS(696)
L7_RING_CLASS(1528)
L7_RING_CLASS(4096)

/* A global function: verified once, whatever its callers know. */
__attribute__((noinline)) int l7_ring_put(struct __sk_buff *skb, const struct l7_record *head,
                                          __u32 from) {
    if (!head)
        return -1;
    if (head->size <= 248)
        return l7_ring_248(skb, head, from);
    if (head->size <= 696)
        return l7_ring_696(skb, head, from);
    if (head->size <= 1528)
        return l7_ring_1528(skb, head, from);
    return l7_ring_4096(skb, head, from);
}

#endif
