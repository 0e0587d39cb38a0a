// SPDX-License-Identifier: GPL-2.0-or-later
// Prometheus' text exposition format, version 0.0.4.
#pragma once

#include <prometheus/metric_family.h>
#include <string>
#include <vector>

namespace l7 {

/// Counters, gauges and histograms as text; other types are none of ours.
std::string text_format(const std::vector<prometheus::MetricFamily> &families);

} // namespace l7
