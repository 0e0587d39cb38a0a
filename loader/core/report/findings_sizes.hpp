// SPDX-License-Identifier: GPL-2.0-or-later
// The part of diagnose that is about how large packets are: GSO and GRO, classes, tunnels.
#pragma once

#include "core/report/findings.hpp"

#include <vector>

namespace l7 {

void diagnose_sizes(const DeviceFacts &device, const DoctorFacts &facts, std::vector<Finding> &out);
void diagnose_tunnels(const std::vector<TunnelFacts> &tunnels, std::vector<Finding> &out);

} // namespace l7
