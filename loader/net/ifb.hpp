// SPDX-License-Identifier: GPL-2.0-or-later
// The IFB that stands in for what comes in through a device.
#pragma once

#include "net/netlink.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace l7 {

struct Ifb {
    std::uint32_t ifindex = 0; ///< 0: no device has its name
    bool ours = false;         ///< its alias says that we made it, and for which device
    bool up = false;
};

Result<Ifb> find_ifb(nl_sock *socket, const std::string &dev);
Result<void> add_ifb(nl_sock *socket, const std::string &dev);
Result<void> set_ifb_up(nl_sock *socket, const std::string &dev);
Result<void> delete_ifb(nl_sock *socket, const std::string &dev);

/// The devices that there are IFBs of ours for.
Result<std::vector<std::string>> devices_with_ifb(nl_sock *socket);

} // namespace l7
