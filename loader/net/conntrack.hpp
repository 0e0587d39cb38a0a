// SPDX-License-Identifier: GPL-2.0-or-later
// The mark of a tracked connection, through ctnetlink.
#pragma once

#include "core/base/result.hpp"
#include "net/netlink.hpp"

#include <l7ctl/abi.h>

#include <cstdint>

namespace l7 {

/// Connections of the network namespace of the thread that opened it. One thread at a time.
class Conntrack {
  public:
    static Result<Conntrack> open();

    /// Writes the bits `mask` of the connection's mark. The key may be of either direction and
    /// either side of a NAT. False: no such connection is tracked. Protocols without ports are not
    /// looked for.
    Result<bool> mark(const l7_key &key, std::uint32_t mark, std::uint32_t mask);

  private:
    explicit Conntrack(NetlinkSocket socket) : socket_(std::move(socket)) {}
    int mark_one_way(const l7_key &key, unsigned from, std::uint32_t mark, std::uint32_t mask);

    NetlinkSocket socket_;
};

} // namespace l7
