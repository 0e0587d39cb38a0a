// SPDX-License-Identifier: GPL-2.0-or-later
// The maps of rules, two banks of each: what is written goes into the bank that is not in force.
//
// Threads: set() by one at a time; the rest by any.
#pragma once

#include "core/base/result.hpp"
#include "core/names/host_table.hpp"
#include "core/policy/rules.hpp"
#include "kernel/accounts.hpp"
#include "kernel/mapping.hpp"

#include <l7ctl/abi.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

class RuleMaps {
  public:
    Result<void> open(const std::function<int(const char *)> &map_fd, l7_settings &settings,
                      Accounts &accounts);

    /// Puts rules in force at once; flows are judged by them anew at their next packets. `devices`
    /// are the names by slot, `hosts` whose names are known.
    Result<void> set(const RuleTables &tables, const std::vector<std::string> &devices,
                     std::span<const l7_host> hosts);

    /// A host name that is new, by its id: the rules it may meet.
    void set_host(std::uint32_t id, std::uint64_t bits);

    /// A device that is in a slot now.
    void set_device(const RuleTables &tables, unsigned slot, const std::string &device);

    /// Whether the packet path has looked at the flow since it or the rules changed.
    bool current(const l7_flow &flow) const { return flow.rules_epoch == settings_->rules_epoch; }

    /// How many packets met each rule in force since it came into force, by its place.
    std::vector<l7_hits> hits() const { return accounts_->rules(settings_->rules_epoch & 1); }

    /// The rule that flows which meet `met` (l7_flow::rules_now) follow at an attachment point.
    std::optional<l7_rule> of(std::uint64_t met, unsigned attach) const;

  private:
    std::uint64_t *host_bits(unsigned bank) const {
        return reinterpret_cast<std::uint64_t *>(hosts_map_.data()) +
               std::size_t{bank} * (L7_HOSTS_MAX + 1);
    }
    void write_hooks(const RuleTables &tables, unsigned bank, unsigned slot,
                     const std::string &device);
    Result<void> write_prefixes(const RuleTables &tables, unsigned bank);
    Result<void> write(const char *what, int fd, std::uint32_t index, const void *value);

    l7_settings *settings_ = nullptr;
    Accounts *accounts_ = nullptr;
    int rules_ = -1, protocols_ = -1, apps_ = -1, prefixes_ = -1, dscp_ = -1;
    Mapping hosts_map_, ports_map_;
};

} // namespace l7
