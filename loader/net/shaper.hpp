// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and makes the shape of devices in the current network namespace, through rtnetlink.
#pragma once

#include "core/policy/shape_plan.hpp"
#include "net/netlink.hpp"

#include <functional>
#include <string>
#include <vector>

namespace l7 {

class Shaper {
  public:
    static Result<Shaper> open();

    /// What is on the device. One that is gone is an error, unless its IFB is left.
    Result<FoundShape> look(const std::string &dev) const;

    /// Devices with something of ours, in order of name.
    Result<std::vector<std::string>> shaped() const;

    /// Carries the changes out in order and tells of each. Where one fails, roots, IFB and filter
    /// that were added by it are taken off again.
    Result<void> apply(const WantedShape &wanted, const std::vector<ShapeChange> &changes,
                       const std::function<void(const ShapeChange &)> &tell) const;

  private:
    explicit Shaper(NetlinkSocket socket) : socket_(std::move(socket)) {}

    Result<void> carry_out(const WantedShape &wanted, const ShapeChange &change) const;
    Result<void> carry_out_ifb(const std::string &dev, ShapeChange::Action action) const;
    Result<void> carry_out_redirect(const std::string &dev, ShapeChange::Action action) const;

    NetlinkSocket socket_;
};

} // namespace l7
