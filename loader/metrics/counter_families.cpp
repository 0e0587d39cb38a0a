// SPDX-License-Identifier: GPL-2.0-or-later
// How each member of struct l7_counters is called in Prometheus.
#include "metrics/families.hpp"

#include <algorithm>
#include <array>

namespace l7 {

namespace {

using Member = __u64 l7_counters::*;
using C = l7_counters;

struct Exported {
    Member member;
    const char *value; ///< of the family's label; nullptr: the family has none
};

struct Family {
    const char *name, *label, *help;
    std::vector<Exported> members;
};

const std::vector<Family> &table() {
    static const std::vector<Family> families{
        {"l7ctl_parse_errors_total",
         "reason",
         "Packets, or their inner headers, that could not be parsed.",
         {{&C::mpls_unsupported, "mpls_unsupported"},
          {&C::truncated_link, "truncated_link"},
          {&C::truncated_ip, "truncated_ip"},
          {&C::truncated_transport, "truncated_transport"},
          {&C::bad_ip_version, "bad_ip_version"},
          {&C::bad_ip_length, "bad_ip_length"},
          {&C::bad_tcp_offset, "bad_tcp_offset"},
          {&C::bad_udp_length, "bad_udp_length"},
          {&C::headers_too_deep, "headers_too_deep"},
          {&C::fragments_orphan, "fragment_without_first"},
          {&C::tunnels_opaque, "tunnel_opaque"},
          {&C::payload_load_failed, "payload_load_failed"}}},
        {"l7ctl_datapath_packets_total",
         "event",
         "Packets that did not go the plain way, by what happened.",
         {{&C::bypassed, "bypassed"},
          {&C::rules_dropped, "dropped_by_rule"},
          {&C::xdp_dropped, "dropped_in_xdp"},
          {&C::dscp_failed, "dscp_not_written"},
          {&C::not_ip, "not_ip"},
          {&C::fragments_later, "later_fragment"},
          {&C::headers_pulled, "headers_pulled"},
          {&C::retransmitted, "retransmitted"},
          {&C::tunnels_entered, "tunnel_entered"}}},
        {"l7ctl_flows_created_total",
         nullptr,
         "Flows that were entered in the table of newcomers.",
         {{&C::flows_created, nullptr}}},
        {"l7ctl_flows_restarted_total",
         nullptr,
         "New connections on the ports of an old one.",
         {{&C::flows_restarted, nullptr}}},
        {"l7ctl_flows_presumed_total",
         nullptr,
         "Flows that began with what their server's last flows were.",
         {{&C::flows_provisional, nullptr}}},
        {"l7ctl_flows_expected_total",
         nullptr,
         "Flows that were what another connection had announced.",
         {{&C::flows_expected, nullptr}}},
        {"l7ctl_flows_expired_total",
         "table",
         "Flows removed as ended or idle.",
         {{&C::expired_newcomers, "newcomers"}, {&C::expired_flows, "flows"}}},
        {"l7ctl_table_failures_total",
         "table",
         "Entries that found no room in a table, although it pushes out what is idle.",
         {{&C::newcomers_failed, "newcomers"},
          {&C::flows_failed, "flows"},
          {&C::fragments_table_failed, "fragments"},
          {&C::applications_failed, "account_apps"},
          {&C::map_missing, "missing"}}},
        {"l7ctl_tcp_misfits_total",
         "condition",
         "Segments outside of their connection's windows, whose payload nobody looked at.",
         {{&C::tcp_beyond, "beyond"},
          {&C::tcp_before, "before"},
          {&C::tcp_ack_beyond, "ack_beyond"},
          {&C::tcp_ack_before, "ack_before"},
          {&C::tcp_stray, "stray"}}},
        {"l7ctl_pickup_lookups_total",
         "result",
         "TCP connections met midway, by whether the packet path found their window scales in the "
         "kernel's connection tracking.",
         {{&C::pickup_scaled, "scaled"},
          {&C::pickup_untracked, "untracked"},
          {&C::pickup_unknown, "unknown"}}},
        {"l7ctl_sampling_limits_total",
         "limit",
         "Directions of flows that were looked at for as long as is allowed.",
         {{&C::limit_packets, "packets"}, {&C::limit_bytes, "bytes"}}},
        {"l7ctl_ring_records_total",
         nullptr,
         "Records of early payload put into the rings.",
         {{&C::records, nullptr}}},
        {"l7ctl_ring_lost_records_total",
         nullptr,
         "Records that found no room in a ring; the flow is looked at again with its next packet.",
         {{&C::records_lost, nullptr}}},
        {"l7ctl_verdicts_total",
         "result",
         "Verdicts by what the kernel did with them.",
         {{&C::verdicts, "applied"},
          {&C::verdicts_late, "late"},
          {&C::verdicts_missing, "flow_gone"},
          {&C::verdicts_updated, "updated"}}},
    };
    return families;
}

} // namespace

std::vector<prometheus::MetricFamily> counter_families(const l7_counters &counters) {
    std::vector<prometheus::MetricFamily> out;

    for (const Family &family : table()) {
        FamilyBuilder builder(prometheus::MetricType::Counter, family.name, family.help);
        for (const Exported &one : family.members)
            builder.add(static_cast<std::uint64_t>(counters.*one.member),
                        one.value ? FamilyBuilder::Labels{{family.label, one.value}}
                                  : FamilyBuilder::Labels{});
        out.push_back(builder.take());
    }
    return out;
}

} // namespace l7
