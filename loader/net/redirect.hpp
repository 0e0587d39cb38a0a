// SPDX-License-Identifier: GPL-2.0-or-later
// The filter at a device's ingress that hands every packet to its IFB, after all others.
#pragma once

#include "net/netlink.hpp"

#include <cstdint>

namespace l7 {

struct Redirect {
    bool there = false;
    bool own_clsact = false;  ///< its qdisc was made for it
    std::uint32_t target = 0; ///< the device handed to; 0: it is gone
};

Result<Redirect> find_redirect(nl_sock *socket, std::uint32_t ifindex);

/// Makes the clsact qdisc too, where there is none.
Result<void> add_redirect(nl_sock *socket, std::uint32_t ifindex, std::uint32_t target);

/// Takes the clsact qdisc along if that was made for it and has no other filter.
Result<void> delete_redirect(nl_sock *socket, std::uint32_t ifindex);

} // namespace l7
