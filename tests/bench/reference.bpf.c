/* SPDX-License-Identifier: GPL-2.0-only */
/* What known flows are measured against: nothing at all, and the least a classifier must do. */
#include <l7ctl/packet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>

/* The helpers need the types above. */
#include <bpf/bpf_helpers.h>

struct reference_flow {
    __u64 packets;
    __u64 bytes;
    __u32 mark;
    __u32 priority;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 131072);
    __type(key, struct l7_key);
    __type(value, struct reference_flow);
} reference_flows SEC(".maps");

SEC("tc")
int empty(struct __sk_buff *skb) {
    return -1;
}

/* One hash lookup, two counters, mark and priority; source and target as they stand in the packet.
 */
SEC("tc")
int minimal(struct __sk_buff *skb) {
    const __u8 *data = (void *)(long)skb->data;
    const __u8 *end = (void *)(long)skb->data_end;
    struct reference_flow *flow;
    struct l7_key key = {};

    if (data + ETH_HLEN + 20 + 20 > end)
        return -1;
    if (l7_load_be16(data + 12) == ETH_P_IP) {
        const __u8 *ip = data + ETH_HLEN;

        if (ip[0] != 0x45 || (ip[9] != L7_IPPROTO_TCP && ip[9] != L7_IPPROTO_UDP))
            return -1;
        key.addr[0][3] = l7_load32(ip + 12);
        key.addr[1][3] = l7_load32(ip + 16);
        key.port[0] = l7_load16(ip + 20);
        key.port[1] = l7_load16(ip + 22);
        key.l4 = ip[9];
        key.family = 4;
    } else {
        const __u8 *ip = data + ETH_HLEN;

        if (ip + 44 > end || l7_load_be16(data + 12) != ETH_P_IPV6 ||
            (ip[6] != L7_IPPROTO_TCP && ip[6] != L7_IPPROTO_UDP))
            return -1;
        __builtin_memcpy(key.addr[0], ip + 8, 16);
        __builtin_memcpy(key.addr[1], ip + 24, 16);
        key.port[0] = l7_load16(ip + 40);
        key.port[1] = l7_load16(ip + 42);
        key.l4 = ip[6];
        key.family = 6;
    }
    flow = bpf_map_lookup_elem(&reference_flows, &key);
    if (!flow)
        return -1;
    flow->packets++;
    flow->bytes += skb->len;
    skb->mark = flow->mark;
    skb->priority = flow->priority;
    return -1;
}

/* Where `send` sends. */
const volatile __u32 l7_send_to = 0;

SEC("xdp")
int send(struct xdp_md *ctx) {
    return bpf_redirect(l7_send_to, 0);
}

char LICENSE[] SEC("license") = "GPL";
