// SPDX-License-Identifier: GPL-2.0-or-later
// A snapshot as Prometheus' metric families.
#pragma once

#include "metrics/series.hpp"
#include "metrics/snapshot.hpp"

#include <concepts>
#include <prometheus/metric_family.h>
#include <string>
#include <vector>

namespace l7 {

/// Everything but traffic by protocol and application, which the series have.
std::vector<prometheus::MetricFamily>
metric_families(const MetricsSnapshot &snapshot, const std::vector<TrafficSeries> &protocols,
                const std::vector<TrafficSeries> &applications);

/// The families of struct l7_counters, each of its members once.
std::vector<prometheus::MetricFamily> counter_families(const l7_counters &counters);

/// Of replication.
std::vector<prometheus::MetricFamily> sync_families(const SyncUse &sync);

/// The text exposition format, version 0.0.4.
std::string exposition(const std::vector<prometheus::MetricFamily> &families);

/// Makes a family, one line for each of its metrics.
class FamilyBuilder {
  public:
    using Labels = std::vector<prometheus::ClientMetric::Label>;

    FamilyBuilder(prometheus::MetricType type, std::string name, std::string help);

    FamilyBuilder &add(double value, Labels labels = {});
    /// Prometheus' values are doubles: a count is exact below 2^53.
    template <std::integral Count>
    FamilyBuilder &add(Count value, Labels labels = {}) {
        return add(static_cast<double>(value), std::move(labels));
    }
    prometheus::MetricFamily take() { return std::move(family_); }

  private:
    prometheus::MetricFamily family_;
};

} // namespace l7
