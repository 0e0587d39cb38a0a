// SPDX-License-Identifier: GPL-2.0-or-later
// A snapshot as Prometheus' metric families.
#pragma once

#include "core/base/fields.hpp"
#include "metrics/series.hpp"
#include "metrics/snapshot.hpp"

#include <map>
#include <prometheus/metric_family.h>
#include <string>
#include <type_traits>
#include <vector>

namespace l7 {

/// Families in the order in which they were first added to.
class Families {
  public:
    using Labels = std::vector<prometheus::ClientMetric::Label>;

    /// A value of the metric's family, with these labels and the metric's own.
    template <class Number>
    void add(const Metric &metric, Number value, Labels labels = {}) {
        // Prometheus' values are doubles: a count is exact below 2^53.
        put(metric, static_cast<double>(value), std::move(labels));
    }

    /// The fields of a report that Prometheus sees, and those of reports within it; but not of
    /// lists, whose members need labels to be told apart.
    template <Reported Report>
    void add_fields(const Report &report, const Labels &labels = {}) {
        const auto visit = [&]<class T>(const char *name, const T &value, const Metric &metric = {},
                                        bool = true) {
            if constexpr (Reported<T>)
                add_fields(value, labels);
            else if constexpr (requires {
                                   requires Reported<typename T::value_type>;
                                   *value;
                               }) {
                if (value)
                    add_fields(*value, labels);
            } else if constexpr (std::is_arithmetic_v<T>)
                if (metric.family)
                    add(*metric.value ? metric : metric.as(name), value, labels);
        };
        Report::fields(visit, report);
    }

    void add(prometheus::MetricFamily family) { families_.push_back(std::move(family)); }
    std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

  private:
    void put(const Metric &metric, double value, Labels labels);

    std::vector<prometheus::MetricFamily> families_;
    std::map<std::string, std::size_t> places_; ///< of families_, by name
};

/// Everything that a snapshot has; of traffic by protocol and application, what the series have.
Families metric_families(const MetricsSnapshot &snapshot,
                         const std::vector<TrafficSeries> &protocols,
                         const std::vector<TrafficSeries> &applications);

/// The text exposition format, version 0.0.4.
std::string exposition(Families families);

} // namespace l7
