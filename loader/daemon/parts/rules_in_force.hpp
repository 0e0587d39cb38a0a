// SPDX-License-Identifier: GPL-2.0-or-later
// The rules in the kernel's maps, and the devices that they know.
//
// Threads: any.
#pragma once

#include "daemon/parts/catalog.hpp"
#include "daemon/parts/devices.hpp"
#include "kernel/state.hpp"

#include <mutex>
#include <string>
#include <vector>

namespace l7 {

class RulesInForce {
  public:
    RulesInForce(KernelState &kernel, const Devices &devices)
        : kernel_(kernel), devices_(devices) {}

    /// Puts a catalog's rules into force. Where that fails, those before stay.
    Result<void> set(const Catalog &catalog);

    /// Lets the rules know of devices that have come since they were set.
    void look_at_devices();

  private:
    std::vector<std::string> devices_now() const;

    KernelState &kernel_;
    const Devices &devices_;
    std::mutex mutex_;
    std::shared_ptr<const RuleTables> rules_; // guarded by mutex_, as is what follows
    std::vector<std::string> known_;          // devices by slot
};

} // namespace l7
