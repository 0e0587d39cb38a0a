// SPDX-License-Identifier: GPL-2.0-or-later
// What passed at each attachment point, summed over all CPUs: by protocol, application and class.
//
// Threads: any.
#pragma once

#include "core/base/result.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace l7 {

/// Accounting of one attachment point and protocol or application.
struct AccountRow {
    unsigned attach;
    std::uint16_t number; ///< of the protocol or application
    l7_account account;
};

/// Packets that rules gave a class.
struct ClassRow {
    unsigned attach;
    std::uint32_t classid; ///< MAJ:MIN
    l7_hits hits;
};

class Accounts {
  public:
    void open(const std::function<int(const char *)> &map_fd);

    /// Every packet is in one protocol's row.
    std::vector<AccountRow> protocols() const;

    /// Packets of flows that have an application.
    std::vector<AccountRow> applications() const;

    /// By rules in force and rules that were.
    std::vector<ClassRow> classes() const;

    /// What met each rule of a bank, by its place.
    std::vector<l7_hits> rules(unsigned bank) const;

    /// Other rules are to come into the bank: what its rules gave classes is kept, hits begin anew.
    Result<void> retire(unsigned bank);

    /// Forgets what a device slot has counted.
    Result<void> clear(unsigned slot) const;

  private:
    struct RuleRow {
        unsigned bank, rule, attach;
        l7_hits hits;
    };
    std::vector<RuleRow> rule_rows() const;
    std::optional<std::uint32_t> class_of(unsigned bank, unsigned rule) const;

    int protocols_ = -1, apps_ = -1, rules_ = -1, hits_ = -1, classes_ = -1;
    mutable std::mutex mutex_; ///< classes are read and retired one at a time
};

} // namespace l7
