/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which bytes of a flow's payload go to the loader, and the record that takes them there.
 *
 * TCP is taken in sequence order: what was taken before is trimmed, what comes early is taken with
 * its offset, and the loader puts it in its place. Limits are per direction. The sampling is over
 * when both directions are at a limit, when one is and the other is silent, or when one has gone
 * twice as far. A flow that is listened to has no limits.
 */
#ifndef L7CTL_SAMPLE_H
#define L7CTL_SAMPLE_H

#include <l7ctl/flow.h>

/* What to copy of a packet's payload. */
enum l7_sample_kind {
    L7_SAMPLE_NONE = 0,
    L7_SAMPLE_TAKE,          /* make a record */
    L7_SAMPLE_RETRANSMITTED, /* nothing new in it */
};

/* The limit that ends a flow's sampling. */
enum l7_limit { L7_LIMIT_NONE = 0, L7_LIMIT_PACKETS, L7_LIMIT_BYTES };

struct l7_sample {
    __u32 offset; /* of the first byte taken, in its direction's payload */
    __u32 skip;   /* payload bytes left out before it */
    __u32 size;   /* bytes taken; 0 with L7_R_LAST or L7_R_END only */
    __u32 beyond; /* of a flow that is listened to: bytes after those that are passed over */
    __u8 flags;   /* L7_R_ */
    __u8 limit;   /* enum l7_limit: the one that was reached with this sample */
};

/* Payload that nobody will see: what is sampled after it comes behind a hole. */
L7_INLINE void l7_flow_lose(struct l7_flow *flow, __u32 way) {
    l7_flow_flag(flow, way ? L7_F_LOST_1 : L7_F_LOST_0);
}

L7_INLINE void l7_flow_another_sample(struct l7_flow *flow, __u32 way) {
    if (flow->samples[way] != 0xff)
        flow->samples[way]++;
}

L7_INLINE int l7_flow_exhausted(const struct l7_flow *flow, __u32 way,
                                const struct l7_settings *set) {
    return flow->samples[way] >= set->sample_packets || flow->next[way] >= set->sample_bytes;
}

/* The sequence number of the first of a segment's `size` payload bytes. The first segment that
 * tells where its direction's payload starts sets that down in the flow. */
L7_INLINE __u32 l7_flow_note_start(struct l7_flow *flow, const struct l7_packet *packet, __u32 way,
                                   __u32 size) {
    const __u32 start_known = way ? L7_F_START_1 : L7_F_START_0;
    const int syn = (packet->tcp_flags & L7_TCP_SYN) != 0;
    const __u32 seq = packet->seq + (syn ? 1 : 0);
    /* The number of a keep-alive, which has no payload, is one too low (RFC 9293, 3.8.4). */
    const int tells = syn ? flow->next[way] == 0
                          : !(flow->flags & start_known) && !(packet->tcp_flags & L7_TCP_RST) &&
                                (size || !(flow->flags & L7_F_MIDSTREAM));

    if (tells) {
        flow->start[way] = seq;
        l7_flow_flag(flow, start_known);
    }
    return seq;
}

/* Puts a segment's sample->size payload bytes in their place, and trims those that were taken
 * before. Returns 0 where all of them were. */
L7_INLINE int l7_sample_place(struct l7_flow *flow, const struct l7_packet *packet, __u32 way,
                              struct l7_sample *sample) {
    const __u32 size = packet->tcp_flags & L7_TCP_RST ? 0 : sample->size; /* RFC 1122, 4.2.2.12 */
    const __u32 offset = l7_flow_note_start(flow, packet, way, size) - flow->start[way];
    /* Offsets wrap: a flow that is listened to may say more than 4 GiB. */
    const __u32 known = flow->next[way] - offset;

    sample->size = size;
    if (size == 0)
        return 1;
    if ((__s32)known <= 0) {
        sample->offset = offset;
    } else if (known < size) {
        sample->skip = known;
        sample->size = size - known;
    } else {
        sample->size = 0;
        return 0;
    }
    return 1;
}

/* Cuts the sample to what the limits and one record have room for. */
L7_INLINE void l7_sample_cut(struct l7_flow *flow, __u32 way, const struct l7_settings *set,
                             struct l7_sample *sample) {
    __u32 size = sample->size;

    if (flow->flags & L7_F_LISTEN) {
        if (size > L7_SAMPLE_MAX)
            sample->beyond = size - L7_SAMPLE_MAX;
    } else if (l7_flow_exhausted(flow, way, set) || sample->offset >= set->sample_bytes) {
        /* Nothing more is copied from this direction; it only counts towards giving up. */
        l7_flow_lose(flow, way);
        size = 0;
        sample->offset = flow->next[way];
    } else if (size > set->sample_bytes - sample->offset) {
        if (sample->offset == flow->next[way]) /* else what is missing may still come */
            l7_flow_lose(flow, way);
        size = set->sample_bytes - sample->offset;
        sample->flags |= L7_R_CUT;
    }
    if (size > L7_SAMPLE_MAX) {
        size = L7_SAMPLE_MAX;
        sample->flags |= L7_R_CUT;
    }
    sample->size = size;
}

/* The limit at which the sampling is over with this sample. */
L7_INLINE enum l7_limit l7_sample_limit(const struct l7_flow *flow, __u32 way,
                                        const struct l7_settings *set,
                                        const struct l7_sample *sample) {
    const __u32 packets = flow->samples[way] + 1U;
    const __u32 reached =
        sample->offset <= flow->next[way] ? sample->offset + sample->size : flow->next[way];
    const int packets_full = packets >= set->sample_packets;

    if (!packets_full && reached < set->sample_bytes)
        return L7_LIMIT_NONE;
    if (flow->samples[way ^ 1] != 0 && packets < 2 * set->sample_packets &&
        !l7_flow_exhausted(flow, way ^ 1, set))
        return L7_LIMIT_NONE; /* the other direction goes on */
    return packets_full ? L7_LIMIT_PACKETS : L7_LIMIT_BYTES;
}

/*
 * Decides what of a packet of a flow that is wanted goes to the loader. ends: l7_flow_note_flags
 * said so.
 */
L7_INLINE enum l7_sample_kind l7_flow_sample(struct l7_flow *flow, const struct l7_pass *pass,
                                             int ends, const struct l7_settings *set,
                                             struct l7_sample *sample) {
    const struct l7_packet *packet = &pass->packet;
    const __u32 way = pass->direction & 1;
    const int listening = (flow->flags & L7_F_LISTEN) != 0;

    sample->offset = flow->next[way];
    sample->skip = 0;
    sample->size = l7_pass_payload(pass);
    sample->beyond = 0;
    sample->flags = ends ? L7_R_END : 0;
    sample->limit = L7_LIMIT_NONE;
    if (flow->flags & (way ? L7_F_LOST_1 : L7_F_LOST_0))
        sample->flags |= L7_R_LOST;
    if (ends && (packet->tcp_flags & L7_TCP_RST))
        sample->flags |= L7_R_RESET;
    if (!listening && (flow->flags & L7_F_LIMIT)) {
        if (sample->size)
            l7_flow_lose(flow, way);
        return L7_SAMPLE_NONE;
    }
    if (packet->key.l4 == L7_IPPROTO_TCP && !l7_sample_place(flow, packet, way, sample) && !ends)
        return L7_SAMPLE_RETRANSMITTED;
    if (sample->size == 0)
        return ends ? L7_SAMPLE_TAKE : L7_SAMPLE_NONE;

    l7_sample_cut(flow, way, set, sample);
    if (!listening)
        sample->limit = (__u8)l7_sample_limit(flow, way, set, sample);
    if (sample->limit != L7_LIMIT_NONE)
        sample->flags |= L7_R_LAST;
    if (flow->flags & L7_F_MIDSTREAM)
        sample->flags |= L7_R_MIDSTREAM;
    if (flow->packets[way ^ 1] == 0)
        sample->flags |= L7_R_ONE_SIDED;
    if (sample->size == 0 && !(sample->flags & (L7_R_LAST | L7_R_END))) {
        l7_flow_another_sample(flow, way);
        return L7_SAMPLE_NONE;
    }
    return L7_SAMPLE_TAKE;
}

/* The sample's record found its way into the ring. */
L7_INLINE void l7_flow_sampled(struct l7_flow *flow, __u32 direction,
                               const struct l7_sample *sample) {
    const __u32 way = direction & 1;

    if (sample->size) {
        const __u32 known = flow->next[way] - sample->offset;

        l7_flow_another_sample(flow, way);
        if (known < sample->size) {
            flow->next[way] = sample->offset + sample->size + sample->beyond;
        } else if ((__s32)known < 0 && (flow->flags & L7_F_LISTEN) && (sample->flags & L7_R_LOST)) {
            /* The listener was told of the hole, and goes on behind it. */
            flow->next[way] = sample->offset + sample->size + sample->beyond;
            __sync_fetch_and_and(&flow->flags, ~(__u32)(way ? L7_F_LOST_1 : L7_F_LOST_0));
        }
    }
    if (sample->flags & L7_R_LAST)
        l7_flow_flag(flow, L7_F_LIMIT);
}

/* The ring was full: the flow tries again with its next packet, and what was lost stays a hole. */
L7_INLINE void l7_flow_sample_lost(struct l7_flow *flow, __u32 direction,
                                   const struct l7_sample *sample) {
    if (sample->size)
        l7_flow_lose(flow, direction & 1);
}

L7_INLINE __u16 l7_saturated16(__u64 value) {
    return (__u16)(value < 0xffff ? value : 0xffff);
}

/* Fills the head of a record that takes `sample` of the flow's packet to the loader; for
 * L7_RECORD_EXPECTED there is no sample. time_ns: of CLOCK_MONOTONIC. */
L7_INLINE void l7_record_fill(struct l7_record *head, enum l7_record_kind kind,
                              const struct l7_flow *flow, const struct l7_pass *pass,
                              const struct l7_sample *sample, __u64 time_ns) {
    __builtin_memset(head, 0, sizeof(*head));
    head->key = pass->packet.key;
    head->time_ns = time_ns;
    head->hash = l7_key_hash(&pass->packet.key);
    head->born = flow->born;
    head->protocol = flow->flags & L7_F_PROVISIONAL ? L7_UNSET : flow->protocol;
    head->kind = (__u8)kind;
    head->flags = flow->flags & L7_F_INITIATOR_1 ? L7_R_INITIATOR_1 : 0;
    if (kind == L7_RECORD_EXPECTED) {
        head->packet = flow->verdict_packet;
        head->offset = flow->parent;
        return;
    }
    head->packet = l7_saturated16(flow->packets[0] + flow->packets[1]);
    head->offset = sample->offset;
    head->size = (__u16)sample->size;
    head->wire_size = l7_saturated16(l7_pass_payload(pass));
    head->direction = (__u8)(pass->direction & 1);
    head->flags |= sample->flags;
}

#endif
