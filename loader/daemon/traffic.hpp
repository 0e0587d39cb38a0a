// SPDX-License-Identifier: GPL-2.0-or-later
// Accounting with names in it, for `stats` and metrics. Devices that were detached are in it until
// another takes their slot.
#pragma once

#include "metrics/snapshot.hpp"

#include <vector>

namespace l7 {

class Daemon;

std::vector<TrafficRow> traffic_by_protocol(Daemon &daemon);

/// Adds up to the same as the protocols: what has no application is number 0, "none".
std::vector<TrafficRow> traffic_by_application(Daemon &daemon);

/// The same of classes: what no rule gave a class has the classid "none".
std::vector<ClassTraffic> traffic_by_class(Daemon &daemon);

/// Of the devices that are attached and shaped by the configuration.
std::vector<ClassLimit> class_limits(Daemon &daemon);

/// In the rules' order.
std::vector<RuleTraffic> traffic_by_rule(Daemon &daemon);

} // namespace l7
