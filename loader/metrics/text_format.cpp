// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/text_format.hpp"

#include <cmath>
#include <fmt/format.h>

namespace l7 {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

std::string escaped(const std::string &value) {
    std::string out;
    for (const char c : value) {
        if (c == '\\' || c == '"' || c == '\n')
            out += '\\';
        out += c == '\n' ? 'n' : c;
    }
    return out;
}

/// 16 digits: what whole counters and sums of seconds need.
std::string number(double value) {
    if (std::isinf(value))
        return value < 0 ? "-Inf" : "+Inf";
    return fmt::format("{:.16g}", value);
}

void add_line(std::string &out, const std::string &name, const Labels &labels,
              const std::string &value) {
    std::string shown;
    for (const ClientMetric::Label &label : labels)
        shown +=
            fmt::format("{}{}=\"{}\"", shown.empty() ? "{" : ",", label.name, escaped(label.value));
    out += fmt::format("{}{}{} {}\n", name, shown, shown.empty() ? "" : "}", value);
}

void add_histogram(std::string &out, const std::string &name, const ClientMetric &metric) {
    const auto &histogram = metric.histogram;
    add_line(out, name + "_count", metric.label, std::to_string(histogram.sample_count));
    add_line(out, name + "_sum", metric.label, number(histogram.sample_sum));
    for (const ClientMetric::Bucket &bucket : histogram.bucket) {
        Labels labels = metric.label;
        labels.push_back({"le", number(bucket.upper_bound)});
        add_line(out, name + "_bucket", labels, std::to_string(bucket.cumulative_count));
    }
}

const char *name_of(MetricType type) {
    switch (type) {
    case MetricType::Counter:
        return "counter";
    case MetricType::Gauge:
        return "gauge";
    case MetricType::Histogram:
        return "histogram";
    default:
        return "untyped";
    }
}

} // namespace

std::string text_format(const std::vector<MetricFamily> &families) {
    std::string out;
    for (const MetricFamily &family : families) {
        out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family.name, family.help, family.name,
                           name_of(family.type));
        for (const ClientMetric &metric : family.metric)
            if (family.type == MetricType::Histogram)
                add_histogram(out, family.name, metric);
            else
                add_line(out, family.name, metric.label,
                         number(family.type == MetricType::Counter ? metric.counter.value
                                                                   : metric.gauge.value));
    }
    return out;
}

} // namespace l7
