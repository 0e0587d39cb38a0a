/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP segments against their connection's windows (l7ctl/tcp.h), where these are not plain. */
#ifndef L7CTL_BPF_SEGMENT_H
#define L7CTL_BPF_SEGMENT_H

#include "pass.h"

static long l7_option_one(__u32 i, __u32 *size) {
    __u32 zero = 0;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);

    return s && l7_tcp_option(s->options, *size, &s->said) ? 0 : 1;
}

/* Reads a segment's options into the scratch. Only a SYN's, and selective acknowledgements, say
 * anything of windows. */
L7_STEP int l7_tcp_read(struct __sk_buff *skb, struct l7_packet *packet) {
    __u32 zero = 0, size, last;
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);

    if (!packet || !s)
        return 0;
    __builtin_memset(&s->said, 0, sizeof(s->said));
    last = packet->options - 1U; /* 6.1 does not learn from size > 0 that it is not zero */
    barrier_var(last);
    if (last >= L7_TCP_OPTIONS_MAX)
        return 0;
    barrier_var(last);
    size = last + 1;
    if (bpf_skb_load_bytes(skb, packet->payload - size, s->options, size) == 0 &&
        !l7_tcp_options_plain(size, *(__u32 *)s->options))
        bpf_loop(L7_TCP_OPTIONS_MAX, l7_option_one, &size, 0);
    return 0;
}

/*
 * Holds a TCP segment, whose options l7_tcp_read has read, against its connection's windows and,
 * where it fits, notes what it says and whether it begins or ends its direction. Returns its
 * l7_tcp_fit, or L7_STEP_ENDS for the first that ends its direction.
 */
#define L7_STEP_ENDS 64
L7_STEP int l7_tcp_step(struct l7_flow *flow, struct l7_packet *packet, __u32 direction,
                        __u32 now) {
    __u32 zero = 0;
    struct l7_settings *set = bpf_map_lookup_elem(&settings, &zero);
    struct l7_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
    struct l7_counters *counted = bpf_map_lookup_elem(&counters, &zero);
    enum l7_tcp_fit fit;

    if (!flow || !packet || !set || !s || !counted)
        return L7_TCP_STRAY;
    fit = l7_tcp_segment(flow, packet, direction, &s->said, now, set->second);
    l7_count_tcp(counted, fit);
    if (fit != L7_TCP_FITS)
        return (int)fit;
    return l7_flow_note_flags(flow, packet, direction) ? L7_STEP_ENDS : L7_TCP_FITS;
}

#endif
