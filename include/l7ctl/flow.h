/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a packet does to its flow: direction, who counts it, which payload bytes are worth sampling,
 * when it ends. Pure steps: the tables, the clock and the ring are the caller's.
 *
 * Two CPUs may work on one flow. Counters and flags change atomically; the rest may lose a store,
 * which costs at most a payload sampled twice, and the loader trims that.
 */
#ifndef L7CTL_FLOW_H
#define L7CTL_FLOW_H

#include <l7ctl/rate.h>
#include <l7ctl/tcp.h>

#ifdef __bpf__
#define L7_ADD(place, amount) __sync_fetch_and_add(place, amount)
#else /* one thread's */
#define L7_ADD(place, amount) (*(place) += (amount))
#endif

L7_INLINE void l7_flow_flag(struct l7_flow *flow, __u32 flags) {
    if ((flow->flags & flags) != flags)
        __sync_fetch_and_or(&flow->flags, flags);
}

/* Whether the loader wants the flow's payload. */
L7_INLINE int l7_flow_wanted(const struct l7_flow *flow) {
    return flow->protocol == L7_UNSET || (flow->flags & (L7_F_FOLLOW | L7_F_PROVISIONAL));
}

/* Gives the flow a verdict, or a better one. l7_apply and the native path. */
L7_INLINE void l7_flow_judged(struct l7_flow *flow, const struct l7_verdict *verdict) {
    if (flow->protocol != verdict->protocol || flow->reason != verdict->reason) {
        flow->reason = verdict->reason;
        flow->verdict_packet = verdict->packet;
        flow->verdict_sample = verdict->sample;
    }
    flow->application = verdict->application;
    flow->attributes = verdict->attributes;
    flow->host = verdict->host;
    flow->rules_epoch = 0; /* other rules may hold now */
    if (verdict->flags & L7_V_LISTEN)
        __sync_fetch_and_or(&flow->flags, L7_F_FOLLOW | L7_F_LISTEN);
    else if (verdict->flags & L7_V_FOLLOW)
        __sync_fetch_and_or(&flow->flags, L7_F_FOLLOW);
    else if (flow->flags & (L7_F_FOLLOW | L7_F_PROVISIONAL))
        __sync_fetch_and_and(&flow->flags, ~(__u32)(L7_F_FOLLOW | L7_F_LISTEN | L7_F_PROVISIONAL));
    flow->protocol = verdict->protocol;
}

/* `moved`, a copy of `old`, is in the other table now: what it has counted does not count twice. */
L7_INLINE void l7_flow_moved(struct l7_flow *old, const struct l7_flow *moved) {
    __u32 way;

    l7_flow_flag(old, L7_F_MOVED);
    for (way = 0; way < 2; way++) {
        L7_ADD(&old->packets[way], -moved->packets[way]);
        L7_ADD(&old->bytes[way], -moved->bytes[way]);
    }
}

/* Somebody who saw both ends' SYNs says how each direction's windows are scaled. */
L7_INLINE void l7_flow_scaled(struct l7_flow *flow, __u8 scale_0, __u8 scale_1) {
    __u32 way;

    for (way = 0; way < 2; way++) {
        const __u8 scale = way ? scale_1 : scale_0;

        flow->tcp[way].scale = scale > L7_TCP_LIBERAL ? L7_TCP_LIBERAL : scale;
        flow->tcp[way].flags |= L7_T_SYN | L7_T_SCALE;
    }
    flow->flags |= L7_F_SYN_0 | L7_F_SYN_1 | L7_F_REPLIED;
}

/* What packets told `old` after it was copied, or still do that had found it before. */
L7_INLINE void l7_flow_merge(struct l7_flow *now, const struct l7_flow *old) {
    __u32 way;

    for (way = 0; way < 2; way++) {
        const __u32 start_known = way ? L7_F_START_1 : L7_F_START_0;

        l7_tcp_merge(&now->tcp[way], &old->tcp[way]);
        if (!(old->flags & start_known))
            continue;
        if (!(now->flags & start_known)) {
            now->start[way] = old->start[way];
            l7_flow_flag(now, start_known);
        }
        if (now->start[way] == old->start[way] && old->next[way] > now->next[way])
            now->next[way] = old->next[way];
    }
    l7_flow_flag(now, old->flags & (L7_F_ENDED | L7_F_SYN_0 | L7_F_SYN_1 | L7_F_REPLIED));
}

/* Fills a flow from its first packet, seen at tick `now`. Counts nothing yet. */
L7_INLINE void l7_flow_begin(struct l7_flow *flow, const struct l7_packet *packet, __u32 now) {
    __u32 initiator = packet->from;

    __builtin_memset(flow, 0, sizeof(*flow));
    flow->born = now;
    flow->seen[0] = flow->seen[1] = now;
    l7_tcp_begin(flow->tcp);
    if (packet->key.l4 == L7_IPPROTO_TCP) {
        __u8 opening = packet->tcp_flags & (L7_TCP_SYN | L7_TCP_ACK);

        if (opening == (L7_TCP_SYN | L7_TCP_ACK))
            initiator ^= 1; /* the answer came by first: the other end began */
        else if (opening != L7_TCP_SYN)
            flow->flags = L7_F_MIDSTREAM;
    }
    if (initiator)
        flow->flags |= L7_F_INITIATOR_1;
}

/* The end of the flow that did not begin it. */
L7_INLINE void l7_flow_server(const struct l7_key *key, const struct l7_flow *flow,
                              struct l7_endpoint *server) {
    const __u32 end = flow->flags & L7_F_INITIATOR_1 ? 0 : 1;

    server->addr[0] = key->addr[end][0];
    server->addr[1] = key->addr[end][1];
    server->addr[2] = key->addr[end][2];
    server->addr[3] = key->addr[end][3];
    server->port = key->port[end];
    server->l4 = key->l4;
    server->reserved = 0;
}

/* What its server's last flows were, until its own bytes say more. */
L7_INLINE void l7_flow_presume(struct l7_flow *flow, __u16 protocol, __u16 application) {
    flow->protocol = protocol;
    flow->application = application;
    flow->reason = L7_REASON_ENDPOINT;
    flow->verdict_packet = 1;
    flow->flags |= L7_F_PROVISIONAL;
}

/*
 * As what a new flow's first packet may be expected, in L7_EXPECTED_WAYS ways: from its sender,
 * from anyone; and, as either end of a media stream may speak first, the same of a datagram's
 * receiver.
 */
#define L7_EXPECTED_WAYS(l4) ((l4) == L7_IPPROTO_UDP ? 4 : 2)
L7_INLINE void l7_flow_expected_as(const struct l7_packet *packet, int way,
                                   struct l7_expected *out) {
    const __u32 from = (packet->from ^ (__u32)(way >> 1)) & 1;
    const int any = way & 1;
    int i;

    for (i = 0; i < 4; i++) {
        out->source[i] = any ? 0 : packet->key.addr[from][i];
        out->target[i] = packet->key.addr[from ^ 1][i];
    }
    out->port = packet->key.port[from ^ 1];
    out->l4 = packet->key.l4;
    out->reserved = 0;
}

/* Whether the expectation still stands and is of this sender's port; second: of CLOCK_MONOTONIC. */
L7_INLINE int l7_expectation_stands(const struct l7_expectation *expectation,
                                    const struct l7_packet *packet, __u32 second) {
    return expectation->until_s >= second &&
           (!expectation->sport || expectation->sport == packet->key.port[0] ||
            expectation->sport == packet->key.port[1]);
}

/* The flow is what was announced, as of its next packet. */
L7_INLINE void l7_flow_expect(struct l7_flow *flow, const struct l7_expectation *expectation) {
    flow->protocol = expectation->protocol;
    flow->application = expectation->application;
    flow->attributes = expectation->attributes;
    flow->host = expectation->host;
    flow->parent = expectation->id;
    flow->reason = L7_REASON_EXPECTED;
    flow->verdict_packet = (__u16)(flow->packets[0] + flow->packets[1] + 1);
    flow->rules_epoch = 0;
    if (expectation->flags & L7_X_LISTEN)
        flow->flags |= L7_F_FOLLOW | L7_F_LISTEN;
}

/* 0: from the initiator, 1: to it. */
L7_INLINE __u32 l7_flow_direction(const struct l7_flow *flow, const struct l7_packet *packet) {
    return (packet->from ^ (flow->flags & L7_F_INITIATOR_1)) & 1;
}

/*
 * True when attachment point `attach` is the one that counts this direction. The first to see it
 * is, until it has seen nothing for handover ticks while another has (a route moved, the device was
 * detached).
 */
L7_INLINE int l7_flow_owned(struct l7_flow *flow, __u32 direction, __u32 attach, __u32 now,
                            __u32 handover) {
    __u8 owner = flow->owner[direction & 1];

    if (L7_LIKELY(owner == attach + 1))
        return 1;
    if (owner != 0 && now - flow->seen[direction & 1] <= handover)
        return 0;
    flow->owner[direction & 1] = (__u8)(attach + 1);
    return 1;
}

L7_INLINE void l7_flow_count(struct l7_flow *flow, __u32 direction, __u32 packets, __u64 bytes,
                             __u32 now, __u32 second) {
    if (L7_UNLIKELY(flow->flags & L7_F_REPLICA)) /* it has come here */
        __sync_fetch_and_and(&flow->flags, ~(__u32)L7_F_REPLICA);
    l7_rate_update(flow, direction & 1, now, second);
    L7_ADD(&flow->packets[direction & 1], packets);
    L7_ADD(&flow->bytes[direction & 1], bytes);
}

/* A SYN on a flow that has ended is a new connection on old ports (RFC 9293, 3.6.1). */
L7_INLINE int l7_flow_restarts(const struct l7_flow *flow, const struct l7_packet *packet) {
    return packet->key.l4 == L7_IPPROTO_TCP && (flow->flags & L7_F_ENDED) &&
           (packet->tcp_flags & (L7_TCP_SYN | L7_TCP_ACK | L7_TCP_RST)) == L7_TCP_SYN;
}

/* Notes SYN, FIN and RST. Returns 1 where this packet is the first to end its direction. */
L7_INLINE int l7_flow_note_flags(struct l7_flow *flow, const struct l7_packet *packet,
                                 __u32 direction) {
    __u32 flags = 0;
    int ends;

    if (packet->tcp_flags & L7_TCP_SYN)
        flags |= direction ? L7_F_SYN_1 : L7_F_SYN_0;
    if (packet->tcp_flags & L7_TCP_FIN)
        flags |= direction ? L7_F_FIN_1 : L7_F_FIN_0;
    if (packet->tcp_flags & L7_TCP_RST)
        flags |= L7_F_RST;
    ends = (flags & L7_F_ENDED & ~flow->flags) != 0;
    l7_flow_flag(flow, flags);
    return ends;
}

/* What to copy of a packet's payload. */
enum l7_sample_kind {
    L7_SAMPLE_NONE = 0,
    L7_SAMPLE_TAKE,          /* make a record */
    L7_SAMPLE_RETRANSMITTED, /* nothing new in it */
};

struct l7_sample {
    __u32 offset; /* of the first byte taken, in its direction's payload */
    __u32 skip;   /* payload bytes left out before it */
    __u32 size;   /* bytes taken; 0 with L7_R_LAST or L7_R_END only */
    __u32 beyond; /* of a flow that is listened to: bytes after those that are passed over */
    __u8 flags;   /* L7_R_ */
    __u8 limit;   /* 1: the packet limit was reached with it, 2: the byte limit */
};

/* Payload that nobody will see: what is sampled after it comes behind a hole. */
L7_INLINE void l7_flow_lose(struct l7_flow *flow, __u32 way) {
    l7_flow_flag(flow, way ? L7_F_LOST_1 : L7_F_LOST_0);
}

L7_INLINE void l7_flow_another_sample(struct l7_flow *flow, __u32 way) {
    if (flow->samples[way] != 0xff)
        flow->samples[way]++;
}

L7_INLINE int l7_flow_exhausted(const struct l7_flow *flow, __u32 direction, __u32 max_packets,
                                __u32 max_bytes) {
    return flow->samples[direction & 1] >= max_packets || flow->next[direction & 1] >= max_bytes;
}

/*
 * Decides what of a packet of a flow that is wanted goes to the loader. payload_size: the packet's
 * payload, of a UDP GSO packet that of its first segment. ends: l7_flow_note_flags said so. Limits
 * are per direction.
 *
 * TCP is taken in sequence order: what was taken before is trimmed, what comes early is taken with
 * its offset and put in its place by the loader. The sampling is over when both directions are at a
 * limit, when one is and the other is silent, or when one has gone twice as far. A flow that is
 * listened to has no limits.
 */
L7_INLINE enum l7_sample_kind l7_flow_sample(struct l7_flow *flow, const struct l7_packet *packet,
                                             __u32 direction, __u32 payload_size, int ends,
                                             __u32 max_packets, __u32 max_bytes,
                                             struct l7_sample *sample) {
    const __u32 way = direction & 1;
    const __u32 start_known = way ? L7_F_START_1 : L7_F_START_0;
    const int listening = (flow->flags & L7_F_LISTEN) != 0;
    __u32 size = payload_size;

    sample->skip = 0;
    sample->size = 0;
    sample->flags = ends ? L7_R_END : 0;
    if (flow->flags & (way ? L7_F_LOST_1 : L7_F_LOST_0))
        sample->flags |= L7_R_LOST;
    if (ends && (packet->tcp_flags & L7_TCP_RST))
        sample->flags |= L7_R_RESET;
    sample->limit = 0;
    sample->offset = flow->next[way];
    sample->beyond = 0;
    if (!listening && (flow->flags & L7_F_LIMIT)) {
        if (size)
            l7_flow_lose(flow, way);
        return L7_SAMPLE_NONE;
    }

    if (packet->key.l4 == L7_IPPROTO_TCP) {
        __u32 seq = packet->seq;

        if (packet->tcp_flags & L7_TCP_RST) /* RFC 1122, 4.2.2.12: its data is a diagnostic */
            size = 0;
        if (packet->tcp_flags & L7_TCP_SYN) {
            seq++;
            if (flow->next[way] == 0) {
                flow->start[way] = seq;
                l7_flow_flag(flow, start_known);
            }
        } else if (!(flow->flags & start_known) && !(packet->tcp_flags & L7_TCP_RST) &&
                   /* a keep-alive's number is one too low (RFC 9293, 3.8.4) */
                   (size || !(flow->flags & L7_F_MIDSTREAM))) {
            flow->start[way] = seq;
            l7_flow_flag(flow, start_known);
        }
        if (size) {
            const __u32 offset = seq - flow->start[way];
            /* Offsets wrap: a flow that is listened to may say more than 4 GiB. */
            const __u32 known = flow->next[way] - offset;

            if ((__s32)known <= 0) {
                sample->offset = offset;
            } else if (known < size) {
                sample->skip = known;
                size -= known;
            } else {
                if (!ends)
                    return L7_SAMPLE_RETRANSMITTED;
                size = 0;
            }
        }
    }
    if (size == 0)
        return ends ? L7_SAMPLE_TAKE : L7_SAMPLE_NONE;

    if (listening) {
        if (size > L7_SAMPLE_MAX)
            sample->beyond = size - L7_SAMPLE_MAX;
    } else if (l7_flow_exhausted(flow, way, max_packets, max_bytes) ||
               sample->offset >= max_bytes) {
        /* Nothing more is copied from this direction; it only counts towards giving up. */
        l7_flow_lose(flow, way);
        size = 0;
        sample->offset = flow->next[way];
    } else if (size > max_bytes - sample->offset) {
        if (sample->offset == flow->next[way]) /* else what is missing may still come */
            l7_flow_lose(flow, way);
        size = max_bytes - sample->offset;
        sample->flags |= L7_R_CUT;
    }
    if (size > L7_SAMPLE_MAX) {
        size = L7_SAMPLE_MAX;
        sample->flags |= L7_R_CUT;
    }
    sample->size = size;

    if (!listening) {
        __u32 packets = flow->samples[way] + 1U;
        __u32 reached = sample->offset <= flow->next[way] ? sample->offset + size : flow->next[way];
        int bytes_full = reached >= max_bytes;
        int packets_full = packets >= max_packets;
        __u32 other = way ^ 1;

        if (bytes_full || packets_full) {
            if (flow->samples[other] == 0 || packets >= 2 * max_packets ||
                l7_flow_exhausted(flow, other, max_packets, max_bytes)) {
                sample->flags |= L7_R_LAST;
                sample->limit = packets_full ? 1 : 2;
            }
        }
    }
    if (flow->flags & L7_F_MIDSTREAM)
        sample->flags |= L7_R_MIDSTREAM;
    if (flow->packets[way ^ 1] == 0)
        sample->flags |= L7_R_ONE_SIDED;
    if (size == 0 && !(sample->flags & (L7_R_LAST | L7_R_END))) {
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

/* True when the flow has been idle longer than its kind may be. now: a tick of the clock that
 * `seen` is of. */
L7_INLINE int l7_flow_expired(const struct l7_flow *flow, __u8 l4,
                              const struct l7_timeouts *timeouts, __u32 now) {
    __u32 idle0 = now - flow->seen[0];
    __u32 idle1 = now - flow->seen[1];
    __u32 idle = idle0 < idle1 ? idle0 : idle1;
    int answered = flow->packets[0] && flow->packets[1];

    if ((__s32)idle < 0) /* a packet on another CPU was later than `now` */
        return 0;
    if (flow->flags & L7_F_MOVED)
        return idle > timeouts->moved;
    switch (l4) {
    case L7_IPPROTO_TCP:
        if ((flow->flags & L7_F_RST) ||
            (flow->flags & (L7_F_FIN_0 | L7_F_FIN_1)) == (L7_F_FIN_0 | L7_F_FIN_1))
            return idle > timeouts->tcp_closed;
        return idle > (answered ? timeouts->tcp_established : timeouts->tcp_opening);
    case L7_IPPROTO_UDP:
    case L7_IPPROTO_UDPLITE:
        return idle > (answered ? timeouts->udp_replied : timeouts->udp_unreplied);
    case L7_IPPROTO_ICMP:
    case L7_IPPROTO_ICMPV6:
        return idle > timeouts->icmp;
    default:
        return idle > timeouts->other;
    }
}

#endif
