/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A flow's life: how it begins, who counts its packets, what its verdict changes, when it ends.
 * Pure: the tables and the clock are the caller's. What one packet does to it is in step.h.
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
#else /* natively one thread has the flow */
#define L7_ADD(place, amount) (*(place) += (amount))
#endif

/* One packet on its way through its flow. */
struct l7_pass {
    struct l7_packet packet;
    __u64 bytes;     /* on the wire, those of all segments */
    __u32 packets;   /* on the wire */
    __u32 gso_size;  /* payload of each segment where the packet has several; else 0 */
    __u32 attach;    /* attachment point: device slot and hook, or L7_NOWHERE */
    __u32 now;       /* tick */
    __u32 direction; /* 0: from the initiator */
    __u32 stale;     /* 1: a tick has passed since its direction's last packet */
};

#define L7_NOWHERE 0xffffffffU /* the attachment point of a packet from a capture: none owns it */

/* Payload bytes that may be sampled: of several datagrams in one packet the first one's, and none
 * of a later fragment's, as nothing tells their place in the datagram. */
L7_INLINE __u32 l7_pass_payload(const struct l7_pass *pass) {
    const __u32 size = pass->packet.payload_size;

    if (pass->packet.fragment == L7_FRAGMENT_LATER)
        return 0;
    if (pass->packet.key.l4 == L7_IPPROTO_UDP && pass->gso_size && size > pass->gso_size)
        return pass->gso_size;
    return size;
}

L7_INLINE void l7_flow_flag(struct l7_flow *flow, __u32 flags) {
    if ((flow->flags & flags) != flags)
        __sync_fetch_and_or(&flow->flags, flags);
}

/* Whether the loader wants the flow's payload. */
L7_INLINE int l7_flow_wanted(const struct l7_flow *flow) {
    return flow->protocol == L7_UNSET || (flow->flags & (L7_F_FOLLOW | L7_F_PROVISIONAL));
}

/* Gives the flow a verdict, or a better one; for l7_apply and the native path. */
L7_INLINE void l7_flow_judged(struct l7_flow *flow, const struct l7_verdict *verdict) {
    __u32 over = L7_F_PROVISIONAL;

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
        l7_flow_flag(flow, L7_F_FOLLOW | L7_F_LISTEN);
    else if (verdict->flags & L7_V_FOLLOW)
        l7_flow_flag(flow, L7_F_FOLLOW);
    else
        over |= L7_F_FOLLOW | L7_F_LISTEN;
    if (flow->flags & over)
        __sync_fetch_and_and(&flow->flags, ~over);
    flow->protocol = verdict->protocol;
}

/* `moved`, a copy of `old`, is in the other table now. Its counts are taken off `old`, so that they
 * do not count twice. */
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

/* Adds to `now`, a copy of `old` in the other table, what packets have written to `old` since it
 * was copied: those do that had found it before. */
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

/* The flow is taken for what its server's last flows were, until its own bytes say more. */
L7_INLINE void l7_flow_presume(struct l7_flow *flow, __u16 protocol, __u16 application) {
    flow->protocol = protocol;
    flow->application = application;
    flow->reason = L7_REASON_ENDPOINT;
    flow->verdict_packet = 1;
    flow->flags |= L7_F_PROVISIONAL;
}

/*
 * The expectation that a new flow's first packet would meet. There are L7_EXPECTED_WAYS of them to
 * look for: that the packet's sender opens the connection, or that anyone does; and, as either end
 * of a media stream may speak first, the same with a datagram's receiver in its sender's place.
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

/* The flow gets the verdict of the announcement that its next packet meets. */
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
 * Whether attachment point `attach` is the one that counts this direction. The first that sees the
 * direction owns it, until it has seen nothing for `handover` ticks and another one has, because a
 * route moved or the device was detached.
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
    if (L7_UNLIKELY(flow->flags & L7_F_REPLICA)) /* the connection has come here */
        __sync_fetch_and_and(&flow->flags, ~(__u32)L7_F_REPLICA);
    l7_rate_update(flow, direction & 1, now, second);
    L7_ADD(&flow->packets[direction & 1], packets);
    L7_ADD(&flow->bytes[direction & 1], bytes);
}

/* A SYN on a flow that has ended is a new connection on old ports (RFC 9293, 3.6.1). Asked of every
 * packet: what is not TCP has no flags. */
L7_INLINE int l7_flow_restarts(const struct l7_flow *flow, const struct l7_packet *packet) {
    return (packet->tcp_flags & (L7_TCP_SYN | L7_TCP_ACK | L7_TCP_RST)) == L7_TCP_SYN &&
           (flow->flags & L7_F_ENDED);
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
