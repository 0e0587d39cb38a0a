// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/families.hpp"

#include "metrics/text_format.hpp"

#include <algorithm>
#include <limits>

namespace l7 {

namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = Families::Labels;

// Powers of two of a microsecond are ends of Latency's slots, so that no count is split.
constexpr unsigned kLeastBucket = 4; // 16 us
constexpr unsigned kMostBucket = 20; // 1.05 s

constexpr Metric kBuild{"l7ctl_build_info", "Always 1; which l7ctl."};
constexpr Metric kUnjudged{"l7ctl_unjudged_flows",
                           "Flows first seen here that got no verdict yet, or ended without one."};
constexpr Metric kMemory{"l7ctl_map_memory_bytes", "Kernel memory charged for a BPF map."};

/// Three counters of the same labels.
struct TrafficMetrics {
    const char *what; ///< the label that tells rows apart
    Metric bytes, packets, flows;
};
constexpr TrafficMetrics kByProtocol{
    "protocol",
    {"l7ctl_bytes_total", "Bytes on the wire by device, direction and protocol; those before a "
                          "flow's verdict are its unset."},
    {"l7ctl_packets_total", "Packets on the wire by device, direction and protocol."},
    {"l7ctl_flows_total", "Flows that got this verdict, where they were first seen."}};
constexpr TrafficMetrics kByApplication{
    "application",
    {"l7ctl_application_bytes_total", "Bytes on the wire by device, direction and application."},
    {"l7ctl_application_packets_total",
     "Packets on the wire by device, direction and application."},
    {"l7ctl_application_flows_total", "Flows that got this verdict, where they were first seen."}};

void add_traffic(const std::vector<TrafficSeries> &series, const TrafficMetrics &metrics,
                 Families &out) {
    for (const TrafficSeries &one : series) {
        const Labels labels{
            {"dev", one.dev}, {"direction", one.direction}, {metrics.what, one.name}};
        out.add(metrics.bytes, one.account.bytes, labels);
        out.add(metrics.packets, one.account.packets, labels);
        if (one.name != "unset" && one.name != "non-ip" && one.name != "malformed" &&
            one.name != "none")
            out.add(metrics.flows, one.account.flows, labels);
    }
}

void add_classes(const MetricsSnapshot &from, Families &out) {
    const auto labels = [](const auto &one) {
        return Labels{{"dev", one.dev},
                      {"direction", direction_of(one.attach)},
                      {"classid", one.classid},
                      {"class", one.name}};
    };
    for (const ClassTraffic &one : from.classes)
        out.add_fields(one, labels(one));
    for (const ClassLimit &one : from.class_limits)
        out.add_fields(one, labels(one));
    for (const RuleTraffic &one : from.rule_traffic)
        out.add_fields(one, {{"line", std::to_string(one.line)}});
}

void add_devices(const MetricsSnapshot &from, Families &out) {
    for (const TrafficRow &row : from.traffic)
        if (row.number == L7_UNSET)
            out.add(kUnjudged,
                    std::max<std::int64_t>(static_cast<std::int64_t>(row.account.flows), 0),
                    {{"dev", row.dev}, {"direction", row.direction()}});
    for (const DeviceReport &device : from.status.devices)
        for (const auto &[direction, hook] :
             {std::pair("ingress", &device.ingress), std::pair("egress", &device.egress)})
            if (*hook)
                out.add_fields(**hook, {{"dev", device.name}, {"direction", direction}});
}

void add_tables(const MetricsSnapshot &from, Families &out) {
    for (const TableUse &table : from.tables)
        out.add_fields(table, {{"table", table.name}});
    for (const auto &[name, bytes] : from.status.kernel_memory)
        out.add(kMemory, bytes, {{"map", name}});
}

MetricFamily latency(const std::vector<WorkerReport> &workers) {
    prometheus::ClientMetric metric;
    auto &histogram = metric.histogram;
    for (unsigned power = kLeastBucket; power <= kMostBucket; power++) {
        const std::uint64_t bound = std::uint64_t{1} << power;
        std::uint64_t sum = 0;
        for (const WorkerReport &worker : workers)
            sum += worker.latency.below(bound);
        histogram.bucket.push_back({sum, static_cast<double>(bound) / 1e6});
    }
    for (const WorkerReport &worker : workers) {
        histogram.sample_count += worker.latency.count();
        histogram.sample_sum += static_cast<double>(worker.latency.sum()) / 1e6;
    }
    histogram.bucket.push_back({histogram.sample_count, std::numeric_limits<double>::infinity()});
    return {"l7ctl_verdict_latency_seconds",
            "From the packet a verdict was reached at to the verdict being in force.",
            MetricType::Histogram,
            {metric}};
}

} // namespace

void Families::put(const Metric &metric, double value, Labels labels) {
    const bool counts = metric.counts();
    const auto [at, fresh] = places_.try_emplace(metric.family, families_.size());
    if (fresh)
        families_.push_back(
            {metric.family, metric.help, counts ? MetricType::Counter : MetricType::Gauge, {}});
    if (*metric.label)
        labels.push_back({metric.label, metric.value});
    prometheus::ClientMetric one;
    one.label = std::move(labels);
    (counts ? one.counter.value : one.gauge.value) = value / metric.per;
    families_[at->second].metric.push_back(std::move(one));
}

Families metric_families(const MetricsSnapshot &from, const std::vector<TrafficSeries> &protocols,
                         const std::vector<TrafficSeries> &applications) {
    const StatusReport &status = from.status;
    Families out;
    out.add(kBuild, 1, {{"version", from.version}});
    add_traffic(protocols, kByProtocol, out);
    add_traffic(applications, kByApplication, out);
    add_classes(from, out);
    add_devices(from, out);
    add_tables(from, out);
    for (std::size_t i = 0; i < status.workers.size(); i++)
        out.add_fields(status.workers[i], {{"worker", std::to_string(i)}});
    out.add(latency(status.workers));
    out.add_fields(status);
    if (status.sync)
        for (const SubscriberReport &peer : status.sync->peers)
            out.add_fields(peer, {{"peer", peer.peer}});
    return out;
}

std::string exposition(Families families) {
    return text_format(families.take());
}

} // namespace l7
