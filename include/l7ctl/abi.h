/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that crosses the boundary between the BPF programs and the loader: map keys and values
 * and the ring record. No struct has implicit padding; any change of one bumps L7_ABI, and the
 * loader adopts pinned maps only when the number matches.
 */
#ifndef L7CTL_ABI_H
#define L7CTL_ABI_H

#include <l7ctl/bytes.h>
#include <l7ctl/counters.h>

#define L7_ABI 9

/* Bounds. Each is counted where it is reached. */
#define L7_ATTACH_MAX 32          /* attachment points: 16 devices, ingress and egress */
#define L7_PROTOCOLS_MAX 512      /* protocol numbers, 0 and 1 being unset and unknown */
#define L7_APPLICATIONS_MAX 4096  /* application numbers, 0 being none */
#define L7_NAME_MAX 32            /* bytes of a protocol's or application's name with its NUL */
#define L7_HOSTS_MAX 32768        /* host names at hand for showing */
#define L7_ENDPOINTS_MAX 16384    /* servers whose next flows are believed to be like their last */
#define L7_EXPECTATIONS_MAX 65536 /* announced connections that have not come yet */
#define L7_SHARDS_MAX 64          /* ring buffers, one per worker */
#define L7_SAMPLE_MAX 4096        /* payload bytes one ring record can carry */
#define L7_BATCH_MAX 256          /* verdicts applied by one run of l7_apply */
#define L7_FRAGMENTS_MAX 8192     /* datagrams whose later fragments are being awaited */
#define L7_RULES_MAX 64           /* rules, a bit of a word each */
#define L7_PREFIXES_MAX 4096      /* address prefixes that rules name, of both banks */
#define L7_CLASSES_MAX 8192       /* classes that rules gave, times the attachment points */
#define L7_USED_APPS_MAX 16384    /* applications seen, times the attachment points that see them */

/* Protocol numbers that are not a protocol. */
#define L7_UNSET 0   /* still being looked at */
#define L7_UNKNOWN 1 /* given up */
#define L7_NON_IP 2  /* accounting only: nothing we parse */
#define L7_MALFORMED 3
#define L7_PROTOCOL_FIRST 16

enum l7_hook { L7_INGRESS = 0, L7_EGRESS = 1 };

/*
 * One flow, found from either direction. The ends are in ascending order of address, then port,
 * compared as raw words; IPv4 is held as an IPv4-mapped address (RFC 4291, 2.5.5.2).
 */
struct l7_key {
    __be32 addr[2][4];
    __be16 port[2]; /* 0 where the protocol has none */
    __u8 l4;        /* IPPROTO_ number */
    __u8 family;    /* 4 or 6 */
    __u16 reserved;
};
L7_ASSERT(sizeof(struct l7_key) == 40);

/* Flags of a flow; set with an atomic or, as both directions may be on a CPU each. */
#define L7_F_INITIATOR_1 0x0001 /* addr[1] began the conversation */
#define L7_F_SYN_0 0x0002       /* SYN seen from the initiator */
#define L7_F_SYN_1 0x0004       /* SYN seen from the responder */
#define L7_F_FIN_0 0x0008       /* FIN seen from the initiator */
#define L7_F_FIN_1 0x0010
#define L7_F_RST 0x0020
#define L7_F_MIDSTREAM 0x0040 /* the first packet seen did not begin the conversation */
#define L7_F_LIMIT 0x0080     /* enough was sampled; no more records are made */
#define L7_F_LOST_0 0x0100    /* payload of direction 0 passed that is in no record */
#define L7_F_LOST_1 0x0200
#define L7_F_MOVED 0x0400   /* lives on in the table of flows that have a verdict */
#define L7_F_START_0 0x0800 /* start[0] is known */
#define L7_F_START_1 0x1000
#define L7_F_FOLLOW 0x2000      /* has a verdict, and the loader still wants to see its payload */
#define L7_F_PROVISIONAL 0x4000 /* protocol is that of its server's flows; it is judged itself */
#define L7_F_LISTEN 0x8000      /* announces others: its payload is wanted as long as it lives */
#define L7_F_REPLIED 0x10000    /* both ends have had an answer of the other */
#define L7_F_REPLICA 0x20000    /* of a file or another node; no packet of it was seen yet */
#define L7_F_ENDED (L7_F_RST | L7_F_FIN_0 | L7_F_FIN_1)

/* What means the same on another machine. */
#define L7_F_LASTING                                                                               \
    (L7_F_INITIATOR_1 | L7_F_SYN_0 | L7_F_SYN_1 | L7_F_ENDED | L7_F_MIDSTREAM | L7_F_START_0 |     \
     L7_F_START_1 | L7_F_REPLIED)

/* How a verdict was reached. */
enum l7_reason {
    L7_REASON_NONE = 0,
    L7_REASON_PATTERN,
    L7_REASON_DISSECTOR,
    L7_REASON_EXPECTED,
    L7_REASON_REPLICA,
    L7_REASON_DNS_HINT,
    L7_REASON_ENDPOINT,
    L7_REASON_OPERATOR,
    L7_REASON_LIMIT,
    L7_REASON_ONE_SIDED,
    L7_REASON_MIDSTREAM,
    L7_REASON_NO_MATCH,
    L7_REASONS
};

/* What protocols that differ by it only have in common. */
#define L7_A_TLS 0x01      /* within TLS, from the start or by STARTTLS */
#define L7_A_STARTTLS 0x02 /* began in the clear */
#define L7_A_ECH 0x04      /* the true name was sent encrypted (RFC 9849) */
#define L7_A_HINTED 0x08   /* the application is known from DNS answers or its server's flows */

/* What is known of one direction of a TCP connection; see tcp.h. */
#define L7_T_SYN 0x01   /* its SYN was seen, here or elsewhere: what follows is true */
#define L7_T_SCALE 0x02 /* it offered a window scale */
#define L7_T_SACK 0x04  /* it permitted selective acknowledgements */
#define L7_T_ACKED 0x08 /* it has acknowledged: maxack and allows are of its own saying */

/*
 * What one direction's own segments have said, which they alone write: two CPUs meet here only
 * where one direction is on both, and then a store may be lost that the next segment makes again.
 */
struct l7_tcp_side {
    __u32 end;    /* highest sequence number sent, and one */
    __u32 allows; /* the other direction may send up to here */
    __u32 maxwin; /* largest window offered, in bytes; 0: nothing was seen, learn from what comes */
    __u32 maxack; /* highest acknowledgement */
    __u8 scale;   /* by which its windows are shifted; unknown: L7_TCP_LIBERAL */
    __u8 flags;   /* L7_T_ */
    __u16 when;   /* tick >> L7_TCP_WHEN of the last segment that fit */
};
L7_ASSERT(sizeof(struct l7_tcp_side) == 20);

/*
 * A flow's state. The packet path writes it, but for the verdict, which l7_apply writes: protocol,
 * application, reason, attributes, verdict_packet, verdict_sample, host. Direction 0 is from the
 * initiator. Each direction is counted at one attachment point only.
 */
struct l7_flow {
    __u64 packets[2]; /* as on the wire: a GSO packet counts its segments */
    __u64 bytes[2];
    __u32 seen[2]; /* low half of the kernel's jiffies at the last packet counted; first: born */
    __u32 born;
    __u16 protocol;
    __u16 application;
    __u32 flags;
    __u8 reason;
    __u8 owner[2]; /* attachment point that counts the direction, plus one; 0: none yet */
    __u8 attributes;
    __u32 start[2];       /* TCP: sequence number of the first payload byte */
    __u32 next[2];        /* payload offset that sampling has reached */
    __u8 samples[2];      /* payload packets looked at while unset; stays at 255 */
    __u16 verdict_packet; /* the packet of the flow it was decided at, from 1 */
    __u16 verdict_sample; /* and the payload packet, from 1; 0: none was needed */
    __u16 rules_epoch;    /* of the rules that `rules` is of; another one: it is out of date */
    __u32 host;           /* id of a host name, 0: none */
    __u32 parent;         /* id of the expectation that the flow met; 0: none */
    __u64 rules;          /* bit n: rule n may hold, as far as nothing but the packet decides */
    __u64 rules_now;      /* those of them whose rate, amounts and age hold as well */
    __u64 rate[2];        /* bytes per second as of `seen`, times L7_RATE_ONE; see rate.h */
    __u32 counted[2];     /* low half of the bytes that `rate` is of */
    struct l7_tcp_side tcp[2];
};
L7_ASSERT(sizeof(struct l7_flow) == 168);

/* Flags of a record. */
#define L7_R_LAST 0x01        /* a limit is reached: nothing more will come */
#define L7_R_END 0x02         /* FIN or RST: the direction sends no more */
#define L7_R_LOST 0x04        /* earlier payload of this direction is in no record */
#define L7_R_MIDSTREAM 0x08   /* the flow's beginning was not seen */
#define L7_R_ONE_SIDED 0x10   /* so far only one direction has been seen */
#define L7_R_CUT 0x20         /* the packet had more payload than the record */
#define L7_R_INITIATOR_1 0x40 /* addr[1] of the key is the initiator */
#define L7_R_RESET 0x80       /* RST: neither direction sends more */

/* What a record tells the loader. */
enum l7_record_kind {
    L7_RECORD_SAMPLE = 0, /* payload of a flow, or its end */
    L7_RECORD_EXPECTED,   /* an announced flow began; offset is its expectation's id */
    L7_RECORD_KINDS
};

/* Something about a flow, in a ring buffer; size bytes of payload follow. */
struct l7_record {
    struct l7_key key;
    __u64 time_ns; /* CLOCK_MONOTONIC when the packet passed */
    __u32 hash;    /* l7_key_hash(&key) */
    __u32 offset;  /* of the first byte within its direction's payload */
    __u32 born;    /* the flow's, tells a new connection on old ports from the one before */
    __u16 packet;  /* the flow's packet number, from 1; saturates */
    __u16 size;
    __u16 wire_size; /* payload of the packet, of which size bytes are here; saturates */
    __u16 protocol;  /* of a followed flow, which has its verdict; else 0 */
    __u8 kind;       /* enum l7_record_kind */
    __u8 direction;
    __u8 flags; /* L7_R_ */
    __u8 reserved;
};
L7_ASSERT(sizeof(struct l7_record) == 72);

/* What l7_apply does with a verdict. */
enum l7_apply_op {
    L7_APPLY_VERDICT = 0,  /* give the flow its verdict; one with a protocol moves to flows */
    L7_APPLY_RETIRE = 1,   /* fold late counts of a moved flow and remove its newcomer entry */
    L7_APPLY_REMOVE = 2,   /* forget the flow */
    L7_APPLY_UPDATE = 3,   /* better knowledge of a flow that has a verdict */
    L7_APPLY_UNFOLLOW = 4, /* the flow's payload is no longer wanted */
    L7_APPLY_TOLD = 5,     /* nothing: the packet path gave the verdict, and the loader knows */
};

/* Flags of a verdict. */
#define L7_V_FOLLOW 0x01 /* go on sampling */
#define L7_V_LISTEN 0x02 /* and as long as it lives: it announces others */

struct l7_verdict {
    struct l7_key key;
    __u16 protocol;
    __u16 application;
    __u16 packet;
    __u8 reason;
    __u8 op;
    __u32 born; /* of the flow that was judged; another one with the same key is left alone */
    __u32 host;
    __u8 flags; /* L7_V_ */
    __u8 attributes;
    __u16 sample; /* payload packets looked at when it was decided */
};
L7_ASSERT(sizeof(struct l7_verdict) == 60);

struct l7_batch {
    __u32 count;
    __u32 applied; /* out: how many met their flow */
    __u32 missing; /* out: how many found it gone */
    __u32 reserved;
    struct l7_verdict verdicts[L7_BATCH_MAX];
};

/* Flows of a file or another node on their way into the table, for l7_put. One without a protocol
 * only tells the flow of its key and birth how its windows are scaled. */
#define L7_PUT_MAX 128
struct l7_put {
    struct l7_key key;
    struct l7_flow flow;
};
L7_ASSERT(sizeof(struct l7_put) == 208);
struct l7_puts {
    __u32 count;
    __u32 entered; /* out: that were not there, or had no verdict */
    __u32 kept;    /* out: that were there, with a verdict of their own */
    __u32 failed;  /* out: no room */
    __u32 tick;    /* out: jiffies */
    __u32 reserved;
    struct l7_put flows[L7_PUT_MAX];
};

/* Written by the loader; read by every packet. */
struct l7_settings {
    __u32 abi;
    __u32 bypass;         /* 1: every program passes at once */
    __u32 mark_mask;      /* the only bits of skb->mark that are ours */
    __u32 shards;         /* rings in use, a power of two */
    __u32 sample_bytes;   /* limit per direction, at most L7_SAMPLE_MAX a record */
    __u32 sample_packets; /* limit per direction, payload packets */
    __u32 expecting;      /* 1: there are expectations */
    __u32 handover_ticks; /* jiffies after which another attachment point counts a direction */
    __u32 tunnels;        /* L7_TUNNEL_: whose packets count as those they carry */
    __u32 rules_epoch;    /* changes with the rules, 1 to 0xffff; its lowest bit is their bank */
    __u64 rules_moving;   /* rules that ask for an amount */
    __u32 second;         /* jiffies */
    __u32 hysteresis;     /* percent by which a range is wider for a flow that is in it */
    __u64 rules_dscp;     /* rules that ask for a packet's DSCP */
    __u64 rules_drop;     /* rules that drop */
    __u64 hooks[2][L7_ATTACH_MAX]; /* by bank: rules that are for an attachment point */
};
L7_ASSERT(sizeof(struct l7_settings) == 584);

#define L7_TUNNEL_IPIP 0x01 /* IPv4 and IPv6 within either */
#define L7_TUNNEL_GRE 0x02
#define L7_TUNNEL_GTPU 0x04
#define L7_TUNNEL_VXLAN 0x08

/* What a rule does to packets. */
#define L7_O_MARK 0x01
#define L7_O_CLASS 0x02
#define L7_O_DROP 0x04
#define L7_O_KEEP 0x08 /* nothing, and later rules neither */
#define L7_O_DSCP 0x10

/* What of a flow a rule can hold against a range, besides what bits decide; see l7_flow_amounts. */
enum l7_amount {
    L7_AMOUNT_RATE,    /* bytes per second, of the faster direction */
    L7_AMOUNT_BYTES,   /* of both directions */
    L7_AMOUNT_PACKETS, /* likewise */
    L7_AMOUNT_AGE,     /* seconds since the flow began */
    L7_AMOUNTS
};

struct l7_rule {
    __u32 outcome; /* L7_O_ */
    __u32 mark;
    __u32 mark_mask; /* bits that it writes, of the settings' mark_mask */
    __u32 classid;   /* MAJ:MIN as in skb->priority */
    __u32 dscp;      /* RFC 2474; without ECN's bits */
    __u32 asks;      /* bit n: amount n must be within its range */
    __u32 outside;   /* of those: outside of it */
    __u32 reserved;
    __u64 ranges[L7_AMOUNTS][2]; /* from..to, both ends in */
};
L7_ASSERT(sizeof(struct l7_rule) == 96);

/* Bit n: rule n lets this protocol, application, host, ... be. A rule asks for a group of either
 * the protocol or the application. */
struct l7_rule_bits {
    __u64 named;
    __u64 grouped;
};
L7_ASSERT(sizeof(struct l7_rule_bits) == 16);

/* Of the longest prefix that an address is in. */
struct l7_rule_prefix {
    __u32 bits; /* 8 for the bank, then of the address */
    __u8 bank;
    __u8 addr[16]; /* IPv4 as an IPv4-mapped address */
    __u8 reserved[3];
};
L7_ASSERT(sizeof(struct l7_rule_prefix) == 24);

/* Whether the worker of a ring is at work. Written by the loader, a cache line each. */
struct l7_worker {
    __u32 awake; /* 1: it will look at its ring again before it sleeps, so nobody need wake it */
    __u32 reserved[15];
};
L7_ASSERT(sizeof(struct l7_worker) == 64);

/* Accounting of one attachment point and protocol, per CPU. */
struct l7_account {
    __u64 packets;
    __u64 bytes;
    __u64 flows; /* flows first seen here (unset), or that got their verdict while owned here */
};
L7_ASSERT(sizeof(struct l7_account) == 24);

/* Whose accounting: an attachment point and an application. */
struct l7_account_app {
    __u16 attach;
    __u16 application;
};
L7_ASSERT(sizeof(struct l7_account_app) == 4);

/* A class at an attachment point. */
struct l7_account_class {
    __u32 attach;
    __u32 classid; /* MAJ:MIN */
};
L7_ASSERT(sizeof(struct l7_account_class) == 8);

/* Packets that met a rule, per CPU; or that any rule gave a class. */
struct l7_hits {
    __u64 packets;
    __u64 bytes;
};
L7_ASSERT(sizeof(struct l7_hits) == 16);

/* One attachment point, written by the loader so that it knows what it owns after a restart. */
enum l7_attach_mode { L7_ATTACH_NONE = 0, L7_ATTACH_TCX = 1, L7_ATTACH_CLSACT = 2 };
enum l7_xdp_mode { L7_XDP_NONE = 0, L7_XDP_NATIVE = 1, L7_XDP_GENERIC = 2 };
struct l7_attachment {
    __u32 ifindex;
    __u8 hook;
    __u8 mode;
    __u8 head;           /* 1: first on the hook, 0: last */
    __u8 created_clsact; /* 1: the clsact qdisc is ours */
    __u16 tc_prio;
    __u8 l3_device; /* 1: packets have no link header */
    __u8 xdp;       /* L7_XDP_; of ingress */
    __u32 tc_handle;
    char dev[16];
};
L7_ASSERT(sizeof(struct l7_attachment) == 32);

/* An announced connection: to whom it goes, and who opens it. */
struct l7_expected {
    __be32 source[4]; /* as in l7_key; all zero: anyone */
    __be32 target[4];
    __be16 port; /* the target's; 0 where the protocol has none */
    __u8 l4;
    __u8 reserved;
};
L7_ASSERT(sizeof(struct l7_expected) == 36);

#define L7_X_STAYS 0x01  /* one that comes is not the last */
#define L7_X_LISTEN 0x02 /* it announces others itself */

/* What that connection is from its first packet. */
struct l7_expectation {
    __u32 id;
    __u32 until_s; /* of CLOCK_MONOTONIC */
    __u32 host;
    __u16 protocol;
    __u16 application;
    __be16 sport; /* 0: any */
    __u8 flags;   /* L7_X_ */
    __u8 attributes;
};
L7_ASSERT(sizeof(struct l7_expectation) == 20);

/* Numbers of protocols or applications and their names; never reused while the map is pinned. */
struct l7_protocol_name {
    char name[L7_NAME_MAX];
};

/* What the last flows to a server's port all were. */
struct l7_endpoint {
    __be32 addr[4]; /* as in l7_key */
    __be16 port;
    __u8 l4;
    __u8 reserved;
};
L7_ASSERT(sizeof(struct l7_endpoint) == 20);
struct l7_endpoint_verdict {
    __u16 protocol;
    __u16 application;
    __u32 until_s; /* of CLOCK_MONOTONIC */
};
L7_ASSERT(sizeof(struct l7_endpoint_verdict) == 8);

/* A host name that flows refer to by id. A slot that is given to another name changes its id. */
struct l7_host {
    __u32 id; /* generation << 16 | slot; 0: free */
    char name[124];
};
L7_ASSERT(sizeof(struct l7_host) == 128);

/* A flow as the iterators hand it out; the stream is an array of these. */
struct l7_flow_entry {
    struct l7_key key;
    struct l7_flow flow;
    __u32 now;   /* jiffies when it was read */
    __u32 ended; /* 1: it has left the table by this visit */
};
L7_ASSERT(sizeof(struct l7_flow_entry) == 216);

/* Idle time after which a flow leaves, in jiffies. Written by the loader. */
struct l7_timeouts {
    __u32 tcp_established;
    __u32 tcp_opening; /* no answer yet */
    __u32 tcp_closed;
    __u32 udp_replied;
    __u32 udp_unreplied;
    __u32 icmp;
    __u32 other;
    __u32 moved; /* a newcomer entry whose flow has moved on */
};
L7_ASSERT(sizeof(struct l7_timeouts) == 32);

#endif
