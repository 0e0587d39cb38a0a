/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the loader does to flows, done in the kernel so that no count of the packet path is
 * overwritten: giving verdicts (run as syscall programs) and walking the tables (iterators).
 */
#include "account.h"
#include "move.h"

static int l7_move(const struct l7_verdict *verdict, struct l7_flow *old) {
    struct l7_flow moved = *old;

    l7_flow_judged(&moved, verdict);
    if (bpf_map_update_elem(&flows, &verdict->key, &moved, BPF_NOEXIST) != 0) {
        l7_count(flows_failed);
        return -1;
    }
    l7_settle(&verdict->key, old, &moved);
    return 0;
}

/* Adds what gathered in a moved flow's old entry to its new one, and removes the old. */
static void l7_retire(const struct l7_key *key, const struct l7_flow *old) {
    struct l7_flow *now = l7_moved_to(key, old);
    __u32 way;

    for (way = 0; now && way < 2; way++) {
        __sync_fetch_and_add(&now->packets[way], old->packets[way]);
        __sync_fetch_and_add(&now->bytes[way], old->bytes[way]);
    }
    bpf_map_delete_elem(&newcomers, key);
}

static void l7_retire_one(const struct l7_verdict *verdict) {
    const struct l7_flow *old = bpf_map_lookup_elem(&newcomers, &verdict->key);

    if (old && (old->flags & L7_F_MOVED) && old->born == verdict->born)
        l7_retire(&verdict->key, old);
}

/* The flow leaves the count of one protocol and joins another's, where its initiator's packets are
 * counted. */
static void l7_account_verdict(const struct l7_flow *flow, __u16 from,
                               const struct l7_verdict *verdict) {
    __u32 attach = flow->owner[0] ? flow->owner[0] - 1U : flow->owner[1] - 1U;

    if (attach >= L7_ATTACH_MAX)
        return;
    l7_account_flow(attach, from, from == L7_UNSET ? 0 : flow->application, -1);
    l7_account_flow(attach, verdict->protocol, verdict->application, 1);
}

static void l7_judge(const struct l7_verdict *verdict, struct l7_batch *batch) {
    struct l7_flow *flow = bpf_map_lookup_elem(&newcomers, &verdict->key);

    if (!flow || flow->born != verdict->born) {
        l7_count(verdicts_missing);
        batch->missing++;
        return;
    }
    if ((flow->protocol != L7_UNSET && !(flow->flags & L7_F_PROVISIONAL)) ||
        (flow->flags & L7_F_MOVED)) {
        l7_count(verdicts_late);
        return;
    }
    if (verdict->protocol == L7_UNKNOWN)
        l7_flow_judged(flow, verdict);
    else if (l7_move(verdict, flow) != 0)
        return;
    l7_account_verdict(flow, L7_UNSET, verdict);
    l7_count(verdicts);
    batch->applied++;
}

/* Better knowledge of a flow that has a protocol. */
static void l7_update(const struct l7_verdict *verdict, struct l7_batch *batch) {
    struct l7_flow *flow = bpf_map_lookup_elem(&flows, &verdict->key);

    if (!flow || flow->born != verdict->born) {
        l7_count(verdicts_missing);
        batch->missing++;
        return;
    }
    l7_account_verdict(flow, flow->protocol, verdict);
    l7_flow_judged(flow, verdict);
    l7_count(verdicts_updated);
    batch->applied++;
}

static void l7_unfollow(const struct l7_verdict *verdict) {
    struct l7_flow *flow = bpf_map_lookup_elem(&flows, &verdict->key);

    if (flow && flow->born == verdict->born)
        __sync_fetch_and_and(&flow->flags, ~(__u32)(L7_F_FOLLOW | L7_F_LISTEN));
}

struct l7_apply_args {
    __u32 worker;
    __u32 reserved;
};

static long l7_apply_one(__u32 index, struct l7_apply_args *args) {
    struct l7_batch *batch = bpf_map_lookup_elem(&batches, &args->worker);
    struct l7_verdict *verdict;

    if (!batch || index >= batch->count || index >= L7_BATCH_MAX)
        return 1;
    verdict = &batch->verdicts[index];
    switch (verdict->op) {
    case L7_APPLY_VERDICT:
        l7_judge(verdict, batch);
        break;
    case L7_APPLY_RETIRE:
        l7_retire_one(verdict);
        break;
    case L7_APPLY_UPDATE:
        l7_update(verdict, batch);
        break;
    case L7_APPLY_UNFOLLOW:
        l7_unfollow(verdict);
        break;
    case L7_APPLY_REMOVE:
        bpf_map_delete_elem(&newcomers, &verdict->key);
        bpf_map_delete_elem(&flows, &verdict->key);
        break;
    case L7_APPLY_TOLD:
        break;
    }
    return 0;
}

/* Carries out batches[args->worker]; that worker alone runs it. */
SEC("syscall")
int l7_apply(struct l7_apply_args *args) {
    struct l7_apply_args local = {.worker = args->worker};
    struct l7_batch *batch = bpf_map_lookup_elem(&batches, &local.worker);

    if (!batch)
        return -1;
    batch->applied = 0;
    batch->missing = 0;
    bpf_loop(batch->count & (2 * L7_BATCH_MAX - 1), l7_apply_one, &local, 0);
    return 0;
}

/* What a replica knows of the connection, where we do not. */
static void l7_put_tcp(struct l7_flow *flow, const struct l7_flow *from) {
    __u32 way;

    for (way = 0; way < 2; way++)
        l7_tcp_told(&flow->tcp[way], &from->tcp[way]);
    l7_flow_flag(flow, from->flags & (L7_F_SYN_0 | L7_F_SYN_1 | L7_F_REPLIED));
}

static void l7_put_verdict(const struct l7_put *put, struct l7_verdict *out) {
    out->key = put->key;
    out->protocol = put->flow.protocol;
    out->application = put->flow.application;
    out->packet = put->flow.verdict_packet;
    out->sample = put->flow.verdict_sample;
    out->reason = put->flow.reason;
    out->host = put->flow.host;
    out->attributes = put->flow.attributes;
    if (put->flow.flags & L7_F_LISTEN)
        out->flags = L7_V_FOLLOW | L7_V_LISTEN;
}

/* What became of a flow that was put; each but the first is counted in struct l7_puts. */
enum l7_put_result { L7_PUT_NOTHING = 0, L7_PUT_ENTERED, L7_PUT_KEPT, L7_PUT_FAILED };

/* Nothing but what is known of the connection of one flow, which is in either table. */
static enum l7_put_result l7_put_known(const struct l7_put *put, struct l7_flow *flow) {
    if (!flow)
        flow = bpf_map_lookup_elem(&newcomers, &put->key);
    if (!flow || flow->born != put->flow.born)
        return L7_PUT_NOTHING;
    l7_put_tcp(flow, &put->flow);
    return L7_PUT_KEPT;
}

/* A flow that has its own verdict here keeps it: what passes here is the newer knowledge. */
static enum l7_put_result l7_put_flow(const struct l7_put *put) {
    struct l7_flow *flow = bpf_map_lookup_elem(&flows, &put->key);
    struct l7_verdict verdict = {};
    __u64 how = BPF_NOEXIST;

    if (put->flow.protocol <= L7_UNKNOWN)
        return l7_put_known(put, flow);
    if (flow && !(flow->flags & L7_F_REPLICA)) {
        l7_put_tcp(flow, &put->flow);
        return L7_PUT_KEPT;
    }
    if (flow) { /* a newer replica of what no packet has come of yet */
        how = BPF_ANY;
    } else {
        flow = bpf_map_lookup_elem(&newcomers, &put->key);
        if (flow && !(flow->flags & L7_F_MOVED)) {
            l7_put_verdict(put, &verdict);
            l7_account_verdict(flow, flow->protocol, &verdict);
            l7_put_tcp(flow, &put->flow);
            return l7_move(&verdict, flow) == 0 ? L7_PUT_ENTERED : L7_PUT_FAILED;
        }
    }
    return bpf_map_update_elem(&flows, &put->key, &put->flow, how) == 0 ? L7_PUT_ENTERED
                                                                        : L7_PUT_FAILED;
}

static long l7_put_one(__u32 index, __u32 *unused) {
    __u32 zero = 0;
    struct l7_puts *all = bpf_map_lookup_elem(&puts, &zero);
    enum l7_put_result result;

    if (!all || index >= all->count || index >= L7_PUT_MAX)
        return 1;
    result = l7_put_flow(&all->flows[index]);
    if (result == L7_PUT_ENTERED)
        all->entered++;
    else if (result == L7_PUT_KEPT)
        all->kept++;
    else if (result == L7_PUT_FAILED)
        all->failed++;
    return 0;
}

/* Enters what the loader put into `puts`; one run at a time. */
SEC("syscall")
int l7_put(void *unused) {
    __u32 zero = 0, nothing = 0;
    struct l7_puts *all = bpf_map_lookup_elem(&puts, &zero);

    if (!all)
        return -1;
    all->entered = all->kept = all->failed = 0;
    all->tick = (__u32)bpf_jiffies64();
    bpf_loop(all->count & (2 * L7_PUT_MAX - 1), l7_put_one, &nothing, 0);
    return 0;
}

/* bpf_iter__bpf_map_elem, as far as it is used; relocated against the running kernel's BTF. */
struct bpf_iter_meta {
    struct seq_file *seq;
} __attribute__((preserve_access_index));
struct bpf_iter__bpf_map_elem {
    struct bpf_iter_meta *meta;
    void *key;
    void *value;
} __attribute__((preserve_access_index));

L7_INLINE int l7_entry_of(struct bpf_iter__bpf_map_elem *ctx, struct l7_flow_entry *entry) {
    struct l7_key *key = ctx->key;
    struct l7_flow *flow = ctx->value;

    if (!key || !flow)
        return -1;
    entry->key = *key;
    entry->flow = *flow;
    entry->now = (__u32)bpf_jiffies64();
    entry->ended = 0;
    return 0;
}

/* Hands out every flow of the table it is attached to. */
SEC("iter/bpf_map_elem")
int l7_dump(struct bpf_iter__bpf_map_elem *ctx) {
    struct l7_flow_entry entry;

    if (l7_entry_of(ctx, &entry) == 0 && !(entry.flow.flags & L7_F_MOVED))
        bpf_seq_write(ctx->meta->seq, &entry, sizeof(entry));
    return 0;
}

/* Entries of either table that a sweep has seen. Writer: the sweep; the loader sets them to zero.
 */
__u64 l7_swept[2];

/* Hands out the flows that have ended or been idle too long, and removes them once they are
 * written. */
L7_INLINE int l7_sweep(struct bpf_iter__bpf_map_elem *ctx, void *table, __u64 *seen) {
    struct l7_flow_entry entry;
    struct l7_timeouts *limits;
    __u32 zero = 0;

    if (l7_entry_of(ctx, &entry) != 0)
        return 0;
    ++*seen;
    limits = bpf_map_lookup_elem(&timeouts, &zero);
    if (!limits || !l7_flow_expired(&entry.flow, entry.key.l4, limits, entry.now))
        return 0;
    if (entry.flow.flags & L7_F_MOVED) {
        l7_retire(&entry.key, &entry.flow);
        return 0;
    }
    entry.ended = 1;
    /* No room in this read's buffer: the kernel shows the flow again at the next read. */
    if (bpf_seq_write(ctx->meta->seq, &entry, sizeof(entry)) != 0)
        return 0;
    bpf_map_delete_elem(table, &entry.key);
    return 1;
}

SEC("iter/bpf_map_elem")
int l7_sweep_flows(struct bpf_iter__bpf_map_elem *ctx) {
    if (l7_sweep(ctx, &flows, &l7_swept[0]))
        l7_count(expired_flows);
    return 0;
}

SEC("iter/bpf_map_elem")
int l7_sweep_newcomers(struct bpf_iter__bpf_map_elem *ctx) {
    if (l7_sweep(ctx, &newcomers, &l7_swept[1]))
        l7_count(expired_newcomers);
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
