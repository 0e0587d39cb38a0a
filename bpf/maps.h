/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps, each with its one writer. All are pinned by the loader, which also sizes them. */
#ifndef L7CTL_BPF_MAPS_H
#define L7CTL_BPF_MAPS_H

#include <l7ctl/packet.h>
#include <l7ctl/tunnel.h>
#include <linux/bpf.h>

/* The helpers need the types above. */
#include <bpf/bpf_helpers.h>

/* Flows that have a verdict. Writer: l7_apply inserts, the packet path counts, l7_sweep_flows
 * removes. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 131072);
    __type(key, struct l7_key);
    __type(value, struct l7_flow);
} flows SEC(".maps");

/*
 * Flows that are unset or unknown. A table of their own, so that a flood of new flows pushes out
 * other new flows only. Writer: the packet path; l7_apply for the verdict's fields;
 * l7_sweep_newcomers removes.
 */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 32768);
    __type(key, struct l7_key);
    __type(value, struct l7_flow);
} newcomers SEC(".maps");

/* Writer: the packet path, on a datagram's first fragment. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, L7_FRAGMENTS_MAX);
    __type(key, struct l7_fragment_key);
    __type(value, struct l7_fragment);
} fragments SEC(".maps");

/* Writer: the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct l7_settings);
} settings SEC(".maps");

/*
 * Rules, and tables of bits that say which of them a flow may meet; two banks each. Writer: the
 * loader, in the bank that is not in force; new host names and devices in both.
 */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2 * L7_RULES_MAX);
    __type(key, __u32);
    __type(value, struct l7_rule);
} rules SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2 * L7_PROTOCOLS_MAX);
    __type(key, __u32);
    __type(value, struct l7_rule_bits);
} rule_protocols SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2 * L7_APPLICATIONS_MAX);
    __type(key, __u32);
    __type(value, struct l7_rule_bits);
} rule_apps SEC(".maps");

/* By bank; 0: no host name, else its place in hosts and one. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 2 * (L7_HOSTS_MAX + 1));
    __type(key, __u32);
    __type(value, __u64);
} rule_hosts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 2 * 65536);
    __type(key, __u32);
    __type(value, __u64);
} rule_ports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, L7_PREFIXES_MAX);
    __type(key, struct l7_rule_prefix);
    __type(value, __u64);
} rule_prefixes SEC(".maps");

/* By bank and DSCP. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2 * 64);
    __type(key, __u32);
    __type(value, __u64);
} rule_dscp SEC(".maps");

/*
 * Index: (bank * L7_RULES_MAX + rule) * L7_ATTACH_MAX + attachment point. Writer: the packet path;
 * the loader clears a bank before it comes into force, and adds what its classes had to
 * account_classes.
 */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2 * L7_RULES_MAX * L7_ATTACH_MAX);
    __type(key, __u32);
    __type(value, struct l7_hits);
} rule_hits SEC(".maps");

/* Writer: the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct l7_timeouts);
} timeouts SEC(".maps");

/* Index: attachment point * L7_PROTOCOLS_MAX + protocol. Writer: the packet path and l7_apply. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, L7_ATTACH_MAX *L7_PROTOCOLS_MAX);
    __type(key, __u32);
    __type(value, struct l7_account);
} accounting SEC(".maps");

/* Traffic that has an application; made as it is seen. Writer: the packet path and l7_apply. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, L7_USED_APPS_MAX);
    __type(key, struct l7_account_app);
    __type(value, struct l7_account);
} account_apps SEC(".maps");

/* Traffic that rules gave a class which are no longer in either bank. Writer: the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, L7_CLASSES_MAX);
    __type(key, struct l7_account_class);
    __type(value, struct l7_hits);
} account_classes SEC(".maps");

/* Writer: the programs. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct l7_counters);
} counters SEC(".maps");

/* Writer: the loader, on attach and detach. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, L7_ATTACH_MAX);
    __type(key, __u32);
    __type(value, struct l7_attachment);
} attachments SEC(".maps");

/* Writer: the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, L7_PROTOCOLS_MAX);
    __type(key, __u32);
    __type(value, struct l7_protocol_name);
} protocols SEC(".maps");

/* Writer: the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, L7_APPLICATIONS_MAX);
    __type(key, __u32);
    __type(value, struct l7_protocol_name);
} applications SEC(".maps");

/* Writer: the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, L7_ENDPOINTS_MAX);
    __type(key, struct l7_endpoint);
    __type(value, struct l7_endpoint_verdict);
} endpoints SEC(".maps");

/* Writer: the loader; the packet path removes what has come. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, L7_EXPECTATIONS_MAX);
    __type(key, struct l7_expected);
    __type(value, struct l7_expectation);
} expectations SEC(".maps");

/* Writer: the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, L7_HOSTS_MAX);
    __type(key, __u32);
    __type(value, struct l7_host);
} hosts SEC(".maps");

/* Writer: the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, L7_SHARDS_MAX);
    __type(key, __u32);
    __type(value, struct l7_worker);
} workers SEC(".maps");

/* Verdicts on their way to l7_apply, by worker. Writer: the worker. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, L7_SHARDS_MAX);
    __type(key, __u32);
    __type(value, struct l7_batch);
} batches SEC(".maps");

/* Writer: the loader, one thread at a time. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct l7_puts);
} puts SEC(".maps");

/* One ring for each worker. Writer: the packet path; the loader puts the rings in, in the size it
 * wants. */
struct l7_ring {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 16);
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, L7_SHARDS_MAX);
    __type(key, __u32);
    __array(values, struct l7_ring);
} rings SEC(".maps");

#define L7_TC_NEXT (-1) /* TC_ACT_UNSPEC and TCX_NEXT: the next program decides */

#define l7_count(member)                                                                           \
    do {                                                                                           \
        __u32 zero_ = 0;                                                                           \
        struct l7_counters *counters_ = bpf_map_lookup_elem(&counters, &zero_);                    \
        if (counters_)                                                                             \
            counters_->member++;                                                                   \
    } while (0)

#endif
