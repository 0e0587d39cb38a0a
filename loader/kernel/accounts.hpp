// SPDX-License-Identifier: GPL-2.0-or-later
// What passed at each attachment point, summed over all CPUs: by protocol, application and class.
//
// Threads: any.
#pragma once

#include "core/base/result.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace l7 {

/// Accounting of one attachment point and protocol or application.
struct AccountRow {
    unsigned attach;
    std::uint16_t number; ///< of the protocol or application
    l7_account account;
};

/// Packets that a rule gave a class.
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

    std::vector<ClassRow> classes() const;

    /// Forgets what a device slot has counted.
    Result<void> clear(unsigned slot) const;

  private:
    int protocols_ = -1, apps_ = -1, class_hits_ = -1, classes_ = -1;
};

} // namespace l7
