/* SPDX-License-Identifier: GPL-2.0-only */
/* The least l7ctl builds on, a tc program with a map and BTF: what a kernel can do without us. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h> /* needs the types of the header above */

/* Packets seen. Writer: the program. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} seen SEC(".maps");

SEC("tc")
int sanity(struct __sk_buff *skb) {
    __u32 zero = 0;
    __u64 *packets = bpf_map_lookup_elem(&seen, &zero);

    if (packets)
        __sync_fetch_and_add(packets, 1);
    return -1; /* TC_ACT_UNSPEC and TCX_NEXT: the next program decides */
}

char l7_license[] SEC("license") = "GPL";
