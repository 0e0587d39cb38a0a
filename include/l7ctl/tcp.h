/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether a segment belongs to its connection: sequence and acknowledgement against the windows of
 * both ends, so that nobody who sees neither can choose what a flow is taken for. The conditions
 * are those of G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2001), as in the
 * kernel's tcp_in_window(); windows are scaled by RFC 7323, RST follows RFC 5961.
 *
 * What is not known is liberal, never 0: a window of unknown scale counts with the largest, an end
 * that was not seen allows what its peer makes of it.
 */
#ifndef L7CTL_TCP_H
#define L7CTL_TCP_H

#include <l7ctl/packet.h>

#define L7_TCP_LIBERAL 14   /* RFC 7323, 2.3: the largest scale */
#define L7_TCP_WHEN 8       /* a side's `when` is the tick shifted by this */
#define L7_TCP_FORGET 10    /* seconds of silence after which a stranger is learnt from */
#define L7_TCP_ACKS 66000   /* an acknowledgement may be so old */
#define L7_TCP_FAR 0x100000 /* with one end unseen, how far the other may jump */
#define L7_TCP_OPTIONS_MAX 40
#define L7_TCP_OPTIONS_ROOM 68 /* the kernel's buffer: what any index and a word can reach */
#define L7_TCP_SYN_DATA 4096   /* of a SYN (RFC 7413), which need not be acknowledged with it */

/* Kinds of options, RFC 9293 section 3.1, RFC 7323 and RFC 2018. */
enum l7_tcp_option_kind {
    L7_TCP_OPTION_END = 0,
    L7_TCP_OPTION_NOP = 1,
    L7_TCP_OPTION_SCALE = 3,
    L7_TCP_OPTION_SACK_PERMITTED = 4,
    L7_TCP_OPTION_SACK = 5,
};

enum l7_tcp_fit {
    L7_TCP_FITS = 0,
    L7_TCP_BEYOND,     /* (I) begins after what the other end allows */
    L7_TCP_BEFORE,     /* (II) ends before what the other end can still want */
    L7_TCP_ACK_BEYOND, /* (III) acknowledges what was never sent */
    L7_TCP_ACK_BEFORE, /* (IV) acknowledges what was long ago */
    L7_TCP_STRAY,      /* SYN or RST that the connection is not in the state for */
};

/* What a segment's options say. */
struct l7_tcp_options {
    __u8 flags; /* L7_T_SCALE, L7_T_SACK */
    __u8 scale;
    __u8 sacks; /* 1: it has blocks */
    __u8 at;    /* while reading */
    __u32 sack; /* highest right edge of its blocks (RFC 2018) */
};

/* Whether the packet has a TCP header, so that its windows can be looked at. */
L7_INLINE int l7_is_segment(const struct l7_packet *packet) {
    return packet->key.l4 == L7_IPPROTO_TCP && packet->fragment != L7_FRAGMENT_LATER;
}

/* Reads the option at out->at and steps over it. Returns 0 at the end. */
L7_INLINE int l7_tcp_option(const __u8 *options, __u32 size, struct l7_tcp_options *out) {
    const __u32 at = out->at;
    __u32 length, block;
    __u8 kind;

    if (at >= size || at >= L7_TCP_OPTIONS_MAX)
        return 0;
    kind = options[at];
    if (kind == L7_TCP_OPTION_END)
        return 0;
    if (kind == L7_TCP_OPTION_NOP) {
        out->at = (__u8)(at + 1);
        return 1;
    }
    if (at + 2 > size || at + 2 > L7_TCP_OPTIONS_MAX)
        return 0;
    length = options[at + 1];
    if (length < 2 || at + length > size || at + length > L7_TCP_OPTIONS_MAX)
        return 0;
    if (kind == L7_TCP_OPTION_SCALE && length == 3 && at + 3 <= L7_TCP_OPTIONS_MAX) {
        out->flags |= L7_T_SCALE;
        out->scale = options[at + 2] > L7_TCP_LIBERAL ? L7_TCP_LIBERAL : options[at + 2];
    } else if (kind == L7_TCP_OPTION_SACK_PERMITTED && length == 2) {
        out->flags |= L7_T_SACK;
    } else if (kind == L7_TCP_OPTION_SACK) {
        for (block = 2; block + 8 <= 34; block += 8) {
            __u32 edge;

            if (block + 8 > length || at + block + 8 > L7_TCP_OPTIONS_MAX)
                break;
            edge = l7_load_be32(options + ((at + block + 4) & 63)); /* the verifier's bound */
            if (!out->sacks || (__s32)(edge - out->sack) > 0)
                out->sack = edge;
            out->sacks = 1;
        }
    }
    out->at = (__u8)(at + length);
    return 1;
}

L7_INLINE void l7_tcp_options_read(const __u8 *options, __u32 size, struct l7_tcp_options *out) {
    int i;

    for (i = 0; i < L7_TCP_OPTIONS_MAX && l7_tcp_option(options, size, out); i++)
        ;
}

L7_INLINE void l7_count_tcp(struct l7_counters *counters, enum l7_tcp_fit fit) {
    switch (fit) {
    case L7_TCP_BEYOND:
        counters->tcp_beyond++;
        break;
    case L7_TCP_BEFORE:
        counters->tcp_before++;
        break;
    case L7_TCP_ACK_BEYOND:
        counters->tcp_ack_beyond++;
        break;
    case L7_TCP_ACK_BEFORE:
        counters->tcp_ack_before++;
        break;
    case L7_TCP_STRAY:
        counters->tcp_stray++;
        break;
    case L7_TCP_FITS:
        break;
    }
}

/* Options that are nothing, or a lone timestamp as everybody sends it (RFC 7323, appendix A), say
 * nothing about windows. `first`: the options' first word. */
L7_INLINE int l7_tcp_options_plain(__u32 size, __u32 first) {
    return size == 0 || (size == 12 && first == L7_BE32(0x0101080a));
}

L7_INLINE void l7_tcp_begin(struct l7_tcp_side *tcp) {
    tcp[0].scale = tcp[1].scale = L7_TCP_LIBERAL;
}

/* A SYN that was not seen becomes known, because `from` has its scale and flags. Windows that were
 * counted with the largest scale shrink to their true size; the edge stays at or beyond the true
 * one. */
L7_INLINE void l7_tcp_told(struct l7_tcp_side *s, const struct l7_tcp_side *from) {
    if ((s->flags & L7_T_SYN) || !(from->flags & L7_T_SYN))
        return;
    if (s->maxwin && from->scale < s->scale) {
        const __u32 window = s->maxwin >> ((s->scale - from->scale) & 15);

        s->maxwin = window ? window : 1;
        if (s->flags & L7_T_ACKED)
            s->allows = s->maxack + s->maxwin;
    }
    s->scale = from->scale;
    s->flags |= from->flags;
}

/* Joins two states of one side, each of which a part of the packets has told. */
L7_INLINE void l7_tcp_merge(struct l7_tcp_side *s, const struct l7_tcp_side *other) {
    if (!s->maxwin && (other->maxwin || !s->allows)) {
        *s = *other;
        return;
    }
    if (!other->maxwin && !other->allows)
        return;
    l7_tcp_told(s, other);
    s->flags |= other->flags;
    if ((__s32)(other->end - s->end) > 0)
        s->end = other->end;
    if (other->maxwin > s->maxwin && other->scale == s->scale)
        s->maxwin = other->maxwin;
    if ((__s32)(other->allows - s->allows) > 0)
        s->allows = other->allows;
    if ((other->flags & L7_T_ACKED) && (__s32)(other->maxack - s->maxack) > 0)
        s->maxack = other->maxack;
}

/* Conditions I to IV for a segment of s to r, both of which were seen. */
L7_INLINE enum l7_tcp_fit l7_tcp_conditions(const struct l7_tcp_side *s,
                                            const struct l7_tcp_side *r, __u32 seq, __u32 end,
                                            __u32 ack) {
    const __u32 old = s->maxwin > L7_TCP_ACKS ? s->maxwin : L7_TCP_ACKS;

    if ((__s32)(seq - r->allows) > 0)
        return L7_TCP_BEYOND;
    if ((__s32)(end - (s->end - r->maxwin)) < 0)
        return L7_TCP_BEFORE;
    if ((__s32)(ack - r->end) > 0)
        return L7_TCP_ACK_BEYOND;
    if ((__s32)(ack - (r->end - old)) < 0)
        return L7_TCP_ACK_BEFORE;
    return L7_TCP_FITS;
}

/* Notes what a segment that fits says of its sender. */
L7_INLINE void l7_tcp_advance(struct l7_tcp_side *s, struct l7_tcp_side *r, __u32 end, __u32 ack,
                              __u32 window, __u16 when) {
    const __u32 edge = ack + window + (window == 0); /* a closed window is probed with a byte */

    if ((__s32)(end - s->end) > 0)
        s->end = end;
    if (window > s->maxwin)
        s->maxwin = window;
    if ((__s32)(edge - s->allows) > 0)
        s->allows = edge;
    if ((__s32)(ack - s->maxack) > 0)
        s->maxack = ack;
    /* It was allowed more than we saw. */
    if (L7_UNLIKELY((__s32)(end - r->allows) > 0))
        r->maxwin += end - r->allows;
    if (s->when != when)
        s->when = when;
}

/* The plain segment of a connection of which both ends are known. Returns 1 where it was that and
 * fits; anything else is for l7_tcp_segment. */
L7_INLINE int l7_tcp_quick(struct l7_flow *flow, const struct l7_packet *packet, __u32 direction,
                           __u32 now) {
    struct l7_tcp_side *s = &flow->tcp[direction & 1], *r = &flow->tcp[(direction & 1) ^ 1];
    const __u32 end = packet->seq + packet->payload_size;

    if (L7_UNLIKELY((packet->tcp_flags & (L7_TCP_SYN | L7_TCP_FIN | L7_TCP_RST | L7_TCP_ACK)) !=
                        L7_TCP_ACK ||
                    !(flow->flags & L7_F_REPLIED) || !s->maxwin || !r->maxwin ||
                    l7_tcp_conditions(s, r, packet->seq, end, packet->ack) != L7_TCP_FITS))
        return 0;
    l7_tcp_advance(s, r, end, packet->ack, (__u32)packet->window << (s->scale & 15),
                   (__u16)(now >> L7_TCP_WHEN));
    return 1;
}

/* A SYN begins its direction, or begins it anew while nobody has answered (RFC 9293, 3.4). */
L7_INLINE enum l7_tcp_fit l7_tcp_syn(struct l7_flow *flow, const struct l7_packet *packet,
                                     __u32 direction, const struct l7_tcp_options *options,
                                     __u16 when) {
    struct l7_tcp_side *s = &flow->tcp[direction & 1], *r = &flow->tcp[(direction & 1) ^ 1];
    const __u32 end =
        packet->seq + 1 + packet->payload_size + (packet->tcp_flags & L7_TCP_FIN ? 1 : 0);
    const __u32 window = packet->window ? packet->window : 1U; /* never scaled */
    const int answers = (packet->tcp_flags & L7_TCP_ACK) != 0;

    if (flow->flags & L7_F_REPLIED) {
        /* It is a late double of the SYN that began the connection, or a stranger's. */
        const __s32 before = (__s32)(s->end - end);

        return s->maxwin && before >= 0 && before <= L7_TCP_FAR ? L7_TCP_FITS : L7_TCP_STRAY;
    }
    if (answers && (r->flags & L7_T_SYN) && r->end - packet->ack > L7_TCP_SYN_DATA)
        return L7_TCP_ACK_BEYOND; /* RFC 9293, 3.10.7.3 */
    s->end = end;
    s->maxwin = window;
    s->flags = (__u8)(L7_T_SYN | options->flags);
    s->scale = options->flags & L7_T_SCALE ? options->scale : 0;
    s->when = when;
    r->allows = end;
    if (r->flags & L7_T_SYN) {
        if (!(s->flags & r->flags & L7_T_SCALE)) /* RFC 7323, 2.2: both or none */
            s->scale = r->scale = 0;
    } else if (!(s->flags & L7_T_SCALE)) {
        r->scale = 0;
    }
    if (answers) {
        s->allows = packet->ack + window;
        s->maxack = packet->ack;
        s->flags |= L7_T_ACKED;
        if (!r->maxwin)
            r->end = packet->ack;
    }
    return L7_TCP_FITS;
}

/* RFC 5961, 3.2: a reset must say the very next number, or that of what it refuses. */
L7_INLINE enum l7_tcp_fit l7_tcp_reset(struct l7_flow *flow, const struct l7_packet *packet,
                                       __u32 direction) {
    const struct l7_tcp_side *s = &flow->tcp[direction & 1], *r = &flow->tcp[(direction & 1) ^ 1];

    if (!s->maxwin) {
        if (!r->maxwin)
            return L7_TCP_FITS;       /* the flow's first packet */
        if (!(r->flags & L7_T_ACKED)) /* refuses a SYN */
            return (packet->tcp_flags & L7_TCP_ACK) && packet->ack == r->end ? L7_TCP_FITS
                                                                             : L7_TCP_STRAY;
    } else if (packet->seq == s->end) {
        return L7_TCP_FITS;
    } else if (!(s->flags & L7_T_SYN) && packet->seq + 1 == s->end) {
        return L7_TCP_FITS; /* it was learnt from an empty segment, see l7_tcp_learn */
    } else if (!(flow->flags & L7_F_REPLIED) && packet->seq + 1 == s->end) {
        return L7_TCP_FITS; /* gives up an unanswered SYN */
    }
    if ((r->flags & L7_T_ACKED) && packet->seq == r->maxack)
        return L7_TCP_FITS;
    return L7_TCP_STRAY;
}

/* A segment of a connection of which one end, or both, have not been seen. */
L7_INLINE enum l7_tcp_fit l7_tcp_learn(struct l7_tcp_side *s, struct l7_tcp_side *r,
                                       const struct l7_packet *packet, __u32 end, __u32 window) {
    const __u32 seq = packet->seq, ack = packet->ack;

    if (s->maxwin) { /* the other end is silent, or passes elsewhere */
        const __s32 jump = (__s32)(seq - s->end);

        if (jump > L7_TCP_FAR)
            return L7_TCP_BEYOND;
        if ((__s32)(end - s->end) < -L7_TCP_FAR)
            return L7_TCP_BEFORE;
    } else if (r->maxwin) {
        if (r->flags & L7_T_ACKED) { /* its acknowledgements say where this one is */
            if ((__s32)(seq - r->allows) > 0)
                return L7_TCP_BEYOND;
            if ((__s32)(end - (r->maxack - r->maxwin)) < 0)
                return L7_TCP_BEFORE;
        }
        if ((__s32)(ack - r->end) > 0)
            return L7_TCP_ACK_BEYOND;
        if ((__s32)(ack - (r->end - L7_TCP_ACKS)) < 0)
            return L7_TCP_ACK_BEFORE;
    }
    if (!s->maxwin) {
        /* The number of a probe, or a keep-alive, is one too low (RFC 9293, 3.8.4 and 3.8.6.1). */
        s->end = packet->payload_size ? end : end + 1;
        if ((r->flags & L7_T_ACKED) && (__s32)(r->maxack - s->end) > 0)
            s->end = r->maxack;
        s->maxwin = window ? window : 1;
        s->allows = ack + window + (window == 0);
        s->maxack = ack;
        if (!(r->flags & L7_T_ACKED))
            r->allows = end + s->maxwin;
    }
    if (!r->maxwin) {
        if (!(s->flags & L7_T_ACKED) || (__s32)(ack - r->end) > 0)
            r->end = ack;
        if ((__s32)(end + s->maxwin - r->allows) > 0)
            r->allows = end + s->maxwin;
    }
    return L7_TCP_FITS;
}

/*
 * Any segment of a flow, at tick `now`; second: ticks of one. Notes in the flow what a segment that
 * fits says; a segment that does not changes nothing, but after a silence of L7_TCP_FORGET seconds,
 * when the windows are those of a connection that went on elsewhere: then they are learnt anew, and
 * the flow counts as one whose beginning was not seen.
 */
L7_INLINE enum l7_tcp_fit l7_tcp_segment(struct l7_flow *flow, const struct l7_packet *packet,
                                         __u32 direction, const struct l7_tcp_options *options,
                                         __u32 now, __u32 second) {
    struct l7_tcp_side *s = &flow->tcp[direction & 1], *r = &flow->tcp[(direction & 1) ^ 1];
    const __u8 flags = packet->tcp_flags;
    const __u16 when = (__u16)(now >> L7_TCP_WHEN);
    const __u32 end = packet->seq + packet->payload_size + (flags & L7_TCP_FIN ? 1 : 0);
    const __u32 window = (__u32)packet->window << (s->scale & 15);
    const __u16 forget = (__u16)(second * L7_TCP_FORGET >> L7_TCP_WHEN);
    enum l7_tcp_fit fit;

    if (flags & L7_TCP_RST)
        return l7_tcp_reset(flow, packet, direction);
    if (flags & L7_TCP_SYN)
        return l7_tcp_syn(flow, packet, direction, options, when);
    if (!(flags & L7_TCP_ACK))
        return L7_TCP_STRAY; /* RFC 9293, 3.10.7.4: dropped */
    if (options->sacks && r->maxwin && (__s32)(options->sack - r->end) > 0)
        return L7_TCP_ACK_BEYOND;

    fit = s->maxwin && r->maxwin ? l7_tcp_conditions(s, r, packet->seq, end, packet->ack)
                                 : l7_tcp_learn(s, r, packet, end, window);
    if (fit != L7_TCP_FITS && (!s->maxwin || (__u16)(when - s->when) > forget) &&
        (!r->maxwin || (__u16)(when - r->when) > forget)) {
        s->maxwin = r->maxwin = 0;
        s->flags &= (__u8)~L7_T_ACKED;
        r->flags &= (__u8)~L7_T_ACKED;
        if (!(flow->flags & L7_F_MIDSTREAM))
            __sync_fetch_and_or(&flow->flags, L7_F_MIDSTREAM);
        fit = l7_tcp_learn(s, r, packet, end, window);
    }
    if (fit != L7_TCP_FITS)
        return fit;
    l7_tcp_advance(s, r, end, packet->ack, window, when);
    if (!(s->flags & L7_T_ACKED))
        s->flags |= L7_T_ACKED;
    if ((r->flags & L7_T_ACKED) && !(flow->flags & L7_F_REPLIED))
        __sync_fetch_and_or(&flow->flags, L7_F_REPLIED);
    return L7_TCP_FITS;
}

#endif
