/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one list of what the packet path counts besides traffic: everything that is not the plain
 * way. The members of struct l7_counters, what `l7ctl status` prints and the families of Prometheus
 * are made of it, so a new counter is a line here and the place that counts.
 *
 * A restarted loader compares the size of struct l7_counters with that of the pinned map. So
 * L7_ABI need not change for a line that is added, only for lines that change their places.
 */
#ifndef L7CTL_COUNTERS_H
#define L7CTL_COUNTERS_H

#include <l7ctl/bytes.h>

/* Families: F(its name here, Prometheus' name, the label that tells its counters apart, help). */
#define L7_COUNTER_FAMILIES(F)                                                                     \
    F(parse_errors, "l7ctl_parse_errors_total", "reason",                                          \
      "Packets, or their inner headers, that could not be parsed.")                                \
    F(datapath_packets, "l7ctl_datapath_packets_total", "event",                                   \
      "Packets that did not go the plain way, by what happened.")                                  \
    F(flows_created, "l7ctl_flows_created_total", "",                                              \
      "Flows that were entered in the table of newcomers.")                                        \
    F(flows_restarted, "l7ctl_flows_restarted_total", "",                                          \
      "New connections on the ports of an old one.")                                               \
    F(flows_presumed, "l7ctl_flows_presumed_total", "",                                            \
      "Flows that began with what their server's last flows were.")                                \
    F(flows_expected, "l7ctl_flows_expected_total", "",                                            \
      "Flows that were what another connection had announced.")                                    \
    F(flows_expired, "l7ctl_flows_expired_total", "table", "Flows removed as ended or idle.")      \
    F(table_failures, "l7ctl_table_failures_total", "table",                                       \
      "Entries that found no room in a table, although it pushes out what is idle.")               \
    F(tcp_misfits, "l7ctl_tcp_misfits_total", "condition",                                         \
      "Segments outside of their connection's windows, whose payload nobody looked at.")           \
    F(pickup_lookups, "l7ctl_pickup_lookups_total", "result",                                      \
      "TCP connections met midway, by whether the packet path found their window scales in "       \
      "the kernel's connection tracking.")                                                         \
    F(sampling_limits, "l7ctl_sampling_limits_total", "limit",                                     \
      "Directions of flows that were looked at for as long as is allowed.")                        \
    F(ring_records, "l7ctl_ring_records_total", "",                                                \
      "Records of early payload put into the rings.")                                              \
    F(ring_lost_records, "l7ctl_ring_lost_records_total", "",                                      \
      "Records that found no room in a ring; the flow is looked at again with its next "           \
      "packet.")                                                                                   \
    F(verdicts, "l7ctl_verdicts_total", "result", "Verdicts by what the kernel did with them.")

/* Counters, in the order of the struct: X(name, its family, the value of the family's label). */
#define L7_COUNTER_LIST(X)                                                                         \
    X(bypassed, datapath_packets, "bypassed")                                                      \
    X(not_ip, datapath_packets, "not_ip")                                                          \
    X(mpls_unsupported, parse_errors, "mpls_unsupported")                                          \
    X(truncated_link, parse_errors, "truncated_link")                                              \
    X(truncated_ip, parse_errors, "truncated_ip")                                                  \
    X(truncated_transport, parse_errors, "truncated_transport")                                    \
    X(bad_ip_version, parse_errors, "bad_ip_version")                                              \
    X(bad_ip_length, parse_errors, "bad_ip_length")                                                \
    X(bad_tcp_offset, parse_errors, "bad_tcp_offset")                                              \
    X(bad_udp_length, parse_errors, "bad_udp_length")                                              \
    X(headers_too_deep, parse_errors, "headers_too_deep")                                          \
    X(fragments_later, datapath_packets, "later_fragment")                                         \
    X(fragments_orphan, parse_errors, "fragment_without_first")                                    \
    X(fragments_table_failed, table_failures, "fragments")                                         \
    X(headers_pulled, datapath_packets, "headers_pulled")                                          \
    X(flows_created, flows_created, "")                                                            \
    X(flows_restarted, flows_restarted, "")                                                        \
    X(flows_provisional, flows_presumed, "") /* took the verdict of their server's last flows */   \
    X(newcomers_failed, table_failures, "newcomers")                                               \
    X(limit_packets, sampling_limits, "packets")                                                   \
    X(limit_bytes, sampling_limits, "bytes")                                                       \
    X(retransmitted, datapath_packets, "retransmitted")                                            \
    X(records, ring_records, "")                                                                   \
    X(records_lost, ring_lost_records, "")                                                         \
    X(payload_load_failed, parse_errors, "payload_load_failed")                                    \
    X(verdicts, verdicts, "applied")                                                               \
    X(verdicts_late, verdicts, "late")         /* the flow had one already */                      \
    X(verdicts_missing, verdicts, "flow_gone") /* the flow had left */                             \
    X(verdicts_updated, verdicts, "updated")                                                       \
    X(flows_failed, table_failures, "flows") /* no room among flows with a verdict */              \
    X(expired_newcomers, flows_expired, "newcomers")                                               \
    X(expired_flows, flows_expired, "flows")                                                       \
    /* packets that count as those they carry */                                                   \
    X(tunnels_entered, datapath_packets, "tunnel_entered")                                         \
    /* packets of a tunnel, of which the inner cannot be read */                                   \
    X(tunnels_opaque, parse_errors, "tunnel_opaque")                                               \
    /* packets that a rule drops, also those below */                                              \
    X(rules_dropped, datapath_packets, "dropped_by_rule")                                          \
    X(xdp_dropped, datapath_packets, "dropped_in_xdp") /* by the XDP program */                    \
    /* packets whose DSCP could not be written */                                                  \
    X(dscp_failed, datapath_packets, "dscp_not_written")                                           \
    /* no room for an application's accounting */                                                  \
    X(applications_failed, table_failures, "account_apps")                                         \
    X(flows_expected, flows_expected, "") /* new flows that had been announced */                  \
    X(tcp_beyond, tcp_misfits, "beyond")  /* segments that fit no window; see tcp.h */             \
    X(tcp_before, tcp_misfits, "before")                                                           \
    X(tcp_ack_beyond, tcp_misfits, "ack_beyond")                                                   \
    X(tcp_ack_before, tcp_misfits, "ack_before")                                                   \
    X(tcp_stray, tcp_misfits, "stray")                                                             \
    /* connections met midway whose scales connection tracking has */                              \
    X(pickup_scaled, pickup_lookups, "scaled")                                                     \
    X(pickup_untracked, pickup_lookups, "untracked") /* those that it does not know */             \
    X(pickup_unknown, pickup_lookups, "unknown")     /* those whose scales it does not know */

#define L7_COUNTER_MEMBER(name, family, value) __u64 name;
struct l7_counters {
    L7_COUNTER_LIST(L7_COUNTER_MEMBER)
};
#undef L7_COUNTER_MEMBER
#define L7_COUNTERS (sizeof(struct l7_counters) / sizeof(__u64))

#endif
