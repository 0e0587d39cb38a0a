// SPDX-License-Identifier: GPL-2.0-or-later
// The part of diagnose that is about one device.
#pragma once

#include "core/report/findings.hpp"

namespace l7 {

void diagnose_device(const DeviceFacts &device, const DoctorFacts &facts,
                     std::vector<Finding> &out);

} // namespace l7
