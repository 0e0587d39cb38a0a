// SPDX-License-Identifier: GPL-2.0-or-later
// Accounting with names in it, for `stats` and metrics. Devices that were detached are in it until
// another takes their slot.
#pragma once

#include "metrics/snapshot.hpp"

#include <vector>

namespace l7 {

struct Parts;

std::vector<TrafficRow> traffic_by_protocol(const Parts &parts);

/// Adds up to the same as the protocols: what has no application is number 0, "none".
std::vector<TrafficRow> traffic_by_application(const Parts &parts);

/// The same of classes: what no rule gave a class has the classid "none".
std::vector<ClassTraffic> traffic_by_class(const Parts &parts);

/// Of the devices that are attached and shaped by the configuration.
std::vector<ClassLimit> class_limits(const Parts &parts);

/// In the rules' order.
std::vector<RuleTraffic> traffic_by_rule(const Parts &parts);

} // namespace l7
