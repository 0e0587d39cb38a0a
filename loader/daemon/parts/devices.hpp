// SPDX-License-Identifier: GPL-2.0-or-later
// The devices we are on, and those we should be on.
#pragma once

#include "core/report/reports.hpp"
#include "kernel/device.hpp"
#include "net/links.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

/// Thread-safe. A device that vanishes is awaited: when one by its name appears, it is attached as
/// before, until detach.
class Devices {
  public:
    explicit Devices(KernelState &state) : state_(state) {}

    /// Takes over what earlier processes left attached; returns a line for each device, whatever
    /// became of it.
    std::vector<std::string> adopt(AttachWay way);

    Result<void> attach(const std::string &name, const AttachRequest &request);
    Result<void> detach(const std::string &name);

    /// A device came, changed or went. Returns what was done about it, or "".
    std::string on_link(const Link &link, bool gone);

    std::vector<std::string> repair_pins();
    std::vector<DeviceReport> report() const;

    /// The name of the device that owns accounting slot `slot`, or "".
    std::string name_of(unsigned slot) const;

  private:
    struct Entry {
        AttachRequest request;
        std::optional<Device> device; ///< none: awaited
        bool up = true;
        std::string trouble;
    };

    Result<void> attach_locked(const std::string &name, Entry &entry);
    Result<unsigned> free_slot(const std::string &name) const;

    KernelState &state_;
    mutable std::mutex mutex_;
    std::map<std::string, Entry> entries_;
    std::map<unsigned, std::string>
        slots_; ///< whose accounting is in which slot, detached ones included
};

} // namespace l7
