/* SPDX-License-Identifier: GPL-2.0-only */
/* Accounting: packets, bytes and flows of an attachment point's protocols and applications. */
#ifndef L7CTL_BPF_ACCOUNT_H
#define L7CTL_BPF_ACCOUNT_H

#include "maps.h"

L7_INLINE struct l7_account *l7_account_of(__u32 attach, __u32 protocol) {
    __u32 index = attach * L7_PROTOCOLS_MAX + (protocol & (L7_PROTOCOLS_MAX - 1));

    return bpf_map_lookup_elem(&accounting, &index);
}

/* An application's entry, made where there is none. */
static __attribute__((noinline, unused)) struct l7_account *l7_account_app(__u32 attach,
                                                                           __u32 application) {
    struct l7_account_app of = {.attach = (__u16)attach, .application = (__u16)application};
    struct l7_account *account = bpf_map_lookup_elem(&account_apps, &of);
    struct l7_account none = {};

    if (account)
        return account;
    /* Another CPU may have been first: its entry is as good. */
    bpf_map_update_elem(&account_apps, &of, &none, BPF_NOEXIST);
    account = bpf_map_lookup_elem(&account_apps, &of);
    if (!account)
        l7_count(applications_failed);
    return account;
}

/* Counts packets of a protocol and of an application, which is 0 where there is none. */
L7_INLINE void l7_account_packets(__u32 attach, __u32 protocol, __u32 application, __u32 packets,
                                  __u64 bytes) {
    struct l7_account *account = l7_account_of(attach, protocol);

    if (account) {
        account->packets += packets;
        account->bytes += bytes;
    }
    if (application && (account = l7_account_app(attach, application)) != 0) {
        account->packets += packets;
        account->bytes += bytes;
    }
}

/* A flow joins its protocol and application (change: 1), or leaves them (-1). */
L7_INLINE void l7_account_flow(__u32 attach, __u32 protocol, __u32 application, int change) {
    struct l7_account *account = l7_account_of(attach, protocol);

    if (account)
        account->flows += (__u64)change;
    if (application && (account = l7_account_app(attach, application)) != 0)
        account->flows += (__u64)change;
}

#endif
