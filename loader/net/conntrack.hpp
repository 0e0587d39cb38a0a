// SPDX-License-Identifier: GPL-2.0-or-later
// The mark of a tracked connection, through ctnetlink.
#pragma once

#include "core/base/result.hpp"
#include "net/netlink.hpp"

#include <l7ctl/abi.h>

#include <array>
#include <cstdint>
#include <optional>

namespace l7 {

/// One end of a tracked connection's tuple.
struct TrackedEnd {
    std::array<std::uint8_t, 16> address{}; ///< IPv4 as an IPv4-mapped address
    std::uint16_t port = 0;                 ///< host byte order
};

/// A tracked connection. tuples[0] is what its initiator sends, tuples[1] what comes back: where
/// addresses are translated the one is not the other turned round.
struct Tracked {
    struct Tuple {
        TrackedEnd source, target;
    };
    std::array<Tuple, 2> tuples;
    std::uint32_t mark = 0;
    std::optional<std::array<std::uint8_t, 2>> scale; ///< TCP's window scales, initiator's first
};

/// Which end of the key began the tracked connection, on whichever side of a NAT the key is; none:
/// it is not that connection's.
std::optional<unsigned> initiator_of(const Tracked &tracked, const l7_key &key);

/// Connections of the network namespace of the thread that opened it. One thread at a time.
class Conntrack {
  public:
    static Result<Conntrack> open();

    /// Writes the bits `mask` of the connection's mark. The key may be of either direction and
    /// either side of a NAT. False: no such connection is tracked. Protocols without ports are not
    /// looked for.
    Result<bool> mark(const l7_key &key, std::uint32_t mark, std::uint32_t mask);

    /// What the kernel knows of the connection that has this tuple, in either direction; none: it
    /// is not tracked.
    Result<std::optional<Tracked>> find(const l7_key &key, unsigned from);

    /// The same by what either end sends, as beyond a NAT only that of one is a tuple.
    Result<std::optional<Tracked>> find(const l7_key &key);

  private:
    explicit Conntrack(NetlinkSocket socket) : socket_(std::move(socket)) {}
    int mark_one_way(const l7_key &key, unsigned from, std::uint32_t mark, std::uint32_t mask);

    NetlinkSocket socket_;
};

} // namespace l7
