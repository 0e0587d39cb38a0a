// SPDX-License-Identifier: GPL-2.0-or-later
// The part of diagnose that is about one device.
#pragma once

#include "core/report/findings.hpp"

#include <string>
#include <utility>
#include <vector>

namespace l7 {

/// What checks of one device add to.
class DeviceFindings {
  protected:
    DeviceFindings(const DeviceFacts &device, std::vector<Finding> &out)
        : device_(device), out_(out) {}

    Finding &add(Severity severity, const char *check, std::string looked_at, std::string found,
                 std::string advice = {}) {
        out_.push_back({severity,
                        check,
                        device_.name,
                        std::move(looked_at),
                        std::move(found),
                        {},
                        std::move(advice)});
        return out_.back();
    }

    const DeviceFacts &device_;
    std::vector<Finding> &out_;
};

void diagnose_device(const DeviceFacts &device, const DoctorFacts &facts,
                     std::vector<Finding> &out);

} // namespace l7
