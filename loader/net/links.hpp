// SPDX-License-Identifier: GPL-2.0-or-later
// Network devices, through rtnetlink.
#pragma once

#include "net/netlink.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace l7 {

struct Link {
    std::uint32_t ifindex = 0;
    std::string name;
    bool l3 = false; ///< its packets have no link header (tun, ppp, wireguard, ipip, ...)
    bool up = false;
};

/// The device of this name in the current network namespace.
Result<Link> find_link(const std::string &name);

/// Tells of devices that come, change and go. One thread.
class LinkMonitor {
  public:
    struct Event {
        Link link;
        bool gone;
    };

    static Result<LinkMonitor> open();

    /// Readable when there is something to take.
    int fd() const;

    /// Hands out what has happened since the last call. Returns false when events were lost and all
    /// devices must be looked at again.
    bool take(const std::function<void(const Event &)> &each);

  private:
    explicit LinkMonitor(NetlinkSocket socket) : socket_(std::move(socket)) {}

    NetlinkSocket socket_;
};

} // namespace l7
