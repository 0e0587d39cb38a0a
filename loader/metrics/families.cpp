// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/families.hpp"

#include "metrics/text_format.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace l7 {

namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = FamilyBuilder::Labels;

// Powers of two of a microsecond are ends of Latency's slots, so that no count is split.
constexpr unsigned kLeastBucket = 4; // 16 us
constexpr unsigned kMostBucket = 20; // 1.05 s

/// Three counters of the same labels; `what` is the one that tells rows apart.
void traffic(const std::vector<TrafficSeries> &series, const std::string &prefix, const char *what,
             const std::string &note, std::vector<MetricFamily> &out) {
    const std::string by = std::string(" by device, direction and ") + what;
    FamilyBuilder bytes(MetricType::Counter, prefix + "bytes_total",
                        "Bytes on the wire" + by + note + ".");
    FamilyBuilder packets(MetricType::Counter, prefix + "packets_total",
                          "Packets on the wire" + by + ".");
    FamilyBuilder flows(MetricType::Counter, prefix + "flows_total",
                        "Flows that got this verdict, where they were first seen.");
    for (const TrafficSeries &one : series) {
        const Labels labels{{"dev", one.dev}, {"direction", one.direction}, {what, one.name}};
        bytes.add(one.account.bytes, labels);
        packets.add(one.account.packets, labels);
        if (one.name != "unset" && one.name != "non-ip" && one.name != "malformed" &&
            one.name != "none")
            flows.add(one.account.flows, labels);
    }
    for (FamilyBuilder *family : {&bytes, &packets, &flows})
        out.push_back(family->take());
}

void classes(const MetricsSnapshot &from, std::vector<MetricFamily> &out) {
    FamilyBuilder bytes(MetricType::Counter, "l7ctl_class_bytes_total",
                        "Bytes on the wire that rules gave a class.");
    FamilyBuilder packets(MetricType::Counter, "l7ctl_class_packets_total",
                          "Packets on the wire that rules gave a class.");
    for (const ClassTraffic &one : from.classes) {
        const Labels labels{{"dev", one.dev},
                            {"direction", direction_of(one.attach)},
                            {"classid", one.classid},
                            {"class", one.name}};
        bytes.add(one.hits.bytes, labels);
        packets.add(one.hits.packets, labels);
    }
    FamilyBuilder rate(MetricType::Gauge, "l7ctl_class_rate_bytes_per_second",
                       "What a class has when all are busy, as configured.");
    FamilyBuilder ceil(MetricType::Gauge, "l7ctl_class_ceil_bytes_per_second",
                       "What a class may have when others are not busy, as configured.");
    for (const ClassLimit &one : from.class_limits) {
        const Labels labels{{"dev", one.dev},
                            {"direction", direction_of(one.attach)},
                            {"classid", one.classid},
                            {"class", one.name}};
        rate.add(static_cast<double>(one.rate), labels);
        ceil.add(static_cast<double>(one.ceil), labels);
    }
    FamilyBuilder rule_bytes(MetricType::Counter, "l7ctl_rule_bytes_total",
                             "Bytes that met a rule, by its line, since it is in force.");
    FamilyBuilder rule_packets(MetricType::Counter, "l7ctl_rule_packets_total",
                               "Packets that met a rule, by its line, since it is in force.");
    for (const RuleTraffic &one : from.rule_traffic) {
        const Labels labels{{"line", std::to_string(one.line)}};
        rule_bytes.add(one.hits.bytes, labels);
        rule_packets.add(one.hits.packets, labels);
    }
    for (FamilyBuilder *family : {&bytes, &packets, &rate, &ceil, &rule_bytes, &rule_packets})
        out.push_back(family->take());
}

void devices(const MetricsSnapshot &from, std::vector<MetricFamily> &out) {
    FamilyBuilder unjudged(MetricType::Gauge, "l7ctl_unjudged_flows",
                           "Flows first seen here that got no verdict yet, or ended without one.");
    for (const TrafficRow &row : from.traffic)
        if (row.number == L7_UNSET)
            unjudged.add(static_cast<double>(std::max<std::int64_t>(
                             static_cast<std::int64_t>(row.account.flows), 0)),
                         Labels{{"dev", row.dev}, {"direction", row.direction()}});
    FamilyBuilder attached(MetricType::Gauge, "l7ctl_device_attached",
                           "1 where the program is in its place, 0 where it should be.");
    for (const AttachedDevice &device : from.devices)
        for (const unsigned hook : {L7_INGRESS, L7_EGRESS})
            if (device.wanted[hook])
                attached.add(device.in_place[hook] ? 1.0 : 0.0,
                             {{"dev", device.dev},
                              {"direction", hook == L7_INGRESS ? "ingress" : "egress"}});
    out.push_back(unjudged.take());
    out.push_back(attached.take());
}

void tables(const MetricsSnapshot &from, std::vector<MetricFamily> &out) {
    FamilyBuilder entries(MetricType::Gauge, "l7ctl_table_entries",
                          "Entries of a table, as its last sweep found it.");
    FamilyBuilder most(MetricType::Gauge, "l7ctl_table_max_entries", "Room of a table.");
    for (const TableUse &table : from.tables) {
        entries.add(table.entries, {{"table", table.name}});
        most.add(table.most, {{"table", table.name}});
    }
    FamilyBuilder memory(MetricType::Gauge, "l7ctl_map_memory_bytes",
                         "Kernel memory charged for a BPF map.");
    for (const auto &[name, bytes] : from.map_bytes)
        memory.add(bytes, {{"map", name}});
    for (FamilyBuilder *family : {&entries, &most, &memory})
        out.push_back(family->take());
}

MetricFamily latency(const std::vector<WorkerUse> &workers) {
    prometheus::ClientMetric metric;
    auto &histogram = metric.histogram;
    for (unsigned power = kLeastBucket; power <= kMostBucket; power++) {
        const std::uint64_t bound = std::uint64_t{1} << power;
        std::uint64_t sum = 0;
        for (const WorkerUse &worker : workers)
            sum += worker.latency.below(bound);
        histogram.bucket.push_back({sum, static_cast<double>(bound) / 1e6});
    }
    for (const WorkerUse &worker : workers) {
        histogram.sample_count += worker.latency.count();
        histogram.sample_sum += static_cast<double>(worker.latency.sum()) / 1e6;
    }
    histogram.bucket.push_back({histogram.sample_count, std::numeric_limits<double>::infinity()});
    return {"l7ctl_verdict_latency_seconds",
            "From the packet a verdict was reached at to the verdict being in force.",
            MetricType::Histogram,
            {metric}};
}

void workers(const std::vector<WorkerUse> &from, std::vector<MetricFamily> &out) {
    struct Column {
        MetricType type;
        const char *name, *help;
        std::uint64_t WorkerUse::*member;
    };
    static constexpr Column kColumns[] = {
        {MetricType::Gauge, "l7ctl_ring_used_bytes", "Bytes that wait in a worker's ring.",
         &WorkerUse::ring_used_bytes},
        {MetricType::Gauge, "l7ctl_ring_size_bytes", "Room of a worker's ring.",
         &WorkerUse::ring_bytes},
        {MetricType::Gauge, "l7ctl_worker_undecided_flows", "Flows a worker holds bytes of.",
         &WorkerUse::undecided},
        {MetricType::Gauge, "l7ctl_worker_memory_bytes", "Memory a worker holds for flows.",
         &WorkerUse::memory_bytes},
        {MetricType::Counter, "l7ctl_worker_samples_total", "Records a worker looked at.",
         &WorkerUse::samples},
        {MetricType::Counter, "l7ctl_worker_wakeups_total", "Times a worker was woken.",
         &WorkerUse::wakeups},
        {MetricType::Counter, "l7ctl_worker_apply_failures_total",
         "Batches of verdicts that the kernel did not take.", &WorkerUse::apply_failures},
        {MetricType::Counter, "l7ctl_worker_hyperscan_scans_total", "Times Hyperscan was run.",
         &WorkerUse::scans},
        {MetricType::Counter, "l7ctl_worker_bad_records_total",
         "Records that make no sense and were passed over.", &WorkerUse::bad_records},
    };
    for (const Column &column : kColumns) {
        FamilyBuilder family(column.type, column.name, column.help);
        for (std::size_t i = 0; i < from.size(); i++)
            family.add(from[i].*column.member, {{"worker", std::to_string(i)}});
        out.push_back(family.take());
    }
    FamilyBuilder scanning(MetricType::Counter, "l7ctl_worker_hyperscan_seconds_total",
                           "Time in Hyperscan; one scan in 16 is timed and stands for all.");
    for (std::size_t i = 0; i < from.size(); i++)
        scanning.add(static_cast<double>(from[i].scan_ns) / 1e9, {{"worker", std::to_string(i)}});
    out.push_back(scanning.take());
    FamilyBuilder judged(MetricType::Counter, "l7ctl_worker_judged_flows_total",
                         "Flows that left a worker: with a verdict, given up as unknown, or pushed "
                         "out for newer ones.");
    FamilyBuilder learnt(MetricType::Counter, "l7ctl_worker_learnt_flows_total",
                         "Flows that were named by what was learnt from others.");
    for (std::size_t i = 0; i < from.size(); i++) {
        const std::string number = std::to_string(i);
        judged.add(from[i].judged, {{"worker", number}, {"result", "judged"}});
        judged.add(from[i].given_up, {{"worker", number}, {"result", "given_up"}});
        judged.add(from[i].pushed_out, {{"worker", number}, {"result", "pushed_out"}});
        learnt.add(from[i].hinted, {{"worker", number}, {"source", "dns"}});
        learnt.add(from[i].remembered, {{"worker", number}, {"source", "server"}});
    }
    out.push_back(judged.take());
    out.push_back(learnt.take());
    out.push_back(latency(from));
}

} // namespace

FamilyBuilder::FamilyBuilder(MetricType type, std::string name, std::string help)
    : family_{std::move(name), std::move(help), type, {}} {}

FamilyBuilder &FamilyBuilder::add(double value, Labels labels) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (family_.type == MetricType::Counter)
        metric.counter.value = value;
    else
        metric.gauge.value = value;
    family_.metric.push_back(std::move(metric));
    return *this;
}

std::vector<MetricFamily> metric_families(const MetricsSnapshot &from,
                                          const std::vector<TrafficSeries> &protocols,
                                          const std::vector<TrafficSeries> &applications) {
    std::vector<MetricFamily> out;
    const auto single = [&](MetricType type, const char *name, const char *help,
                            std::uint64_t value) {
        out.push_back(FamilyBuilder(type, name, help).add(value).take());
    };

    out.push_back(FamilyBuilder(MetricType::Gauge, "l7ctl_build_info", "Always 1; which l7ctl.")
                      .add(1.0, {{"version", from.version}})
                      .take());
    traffic(protocols, "l7ctl_", "protocol", "; those before a flow's verdict are its unset", out);
    traffic(applications, "l7ctl_application_", "application", "", out);
    classes(from, out);
    devices(from, out);
    tables(from, out);
    workers(from.workers, out);
    std::ranges::move(counter_families(from.counters), std::back_inserter(out));
    single(MetricType::Gauge, "l7ctl_bypass", "1: every packet passes unlooked at.", from.bypass);
    single(MetricType::Counter, "l7ctl_flows_ended_total", "Flows whose end was noted.",
           from.ended_flows);
    single(MetricType::Gauge, "l7ctl_rules", "Rules in force.", from.rules);
    out.push_back(FamilyBuilder(MetricType::Gauge, "l7ctl_patterns",
                                "Patterns by what became of "
                                "them.")
                      .add(from.patterns, {{"state", "used"}})
                      .add(from.patterns_rejected, {{"state", "rejected"}})
                      .take());
    if (from.conntrack)
        out.push_back(FamilyBuilder(MetricType::Counter, "l7ctl_conntrack_marks_total",
                                    "Verdicts for the marks of tracked connections by what became "
                                    "of them.")
                          .add(from.conntrack->marked, {{"result", "written"}})
                          .add(from.conntrack->untracked, {{"result", "untracked"}})
                          .add(from.conntrack->failed, {{"result", "failed"}})
                          .add(from.conntrack->dropped, {{"result", "dropped"}})
                          .take());
    out.push_back(FamilyBuilder(MetricType::Counter, "l7ctl_pickups_total",
                                "TCP connections met midway that the loader asked the kernel's "
                                "connection tracking about, by what it said.")
                      .add(from.pickup.scaled, {{"result", "scaled"}})
                      .add(from.pickup.named, {{"result", "named"}})
                      .add(from.pickup.untracked, {{"result", "untracked"}})
                      .add(from.pickup.unknown, {{"result", "unknown"}})
                      .add(from.pickup.limited, {{"result", "limited"}})
                      .add(from.pickup.failed, {{"result", "failed"}})
                      .take());
    out.push_back(FamilyBuilder(MetricType::Counter, "l7ctl_expect_parents_total",
                                "Flows that were listened to for announcements, those of them that "
                                "left for newer ones, and times that bytes of theirs were missing.")
                      .add(from.expect.parents, {{"event", "listened"}})
                      .add(from.expect.pushed_out, {{"event", "pushed_out"}})
                      .add(from.expect.torn, {{"event", "torn"}})
                      .take());
    FamilyBuilder announcements(MetricType::Counter, "l7ctl_expect_announcements_total",
                                "Announcements of child connections by what became of them.");
    for (const auto &[result, count] : from.expect.announcements)
        announcements.add(count, {{"result", result}});
    out.push_back(announcements.take());
    if (from.sync)
        std::ranges::move(sync_families(*from.sync), std::back_inserter(out));
    out.push_back(FamilyBuilder(MetricType::Counter, "l7ctl_control_requests_total",
                                "Requests at the control socket by what became of them.")
                      .add(from.control_served, {{"result", "served"}})
                      .add(from.control_refused, {{"result", "refused"}})
                      .add(from.control_malformed, {{"result", "malformed"}})
                      .take());
    return out;
}

std::string exposition(const std::vector<MetricFamily> &families) {
    std::vector<MetricFamily> shown;
    // A family without metrics would be a HELP without values, which says nothing.
    std::ranges::copy_if(families, std::back_inserter(shown),
                         [](const MetricFamily &family) { return !family.metric.empty(); });
    return text_format(shown);
}

} // namespace l7
