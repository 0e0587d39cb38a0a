// SPDX-License-Identifier: GPL-2.0-or-later
// A netlink dump, for what libnl has no objects for.
#pragma once

#include "net/netlink.hpp"

#include <cstddef>
#include <functional>
#include <netlink/msg.h>
#include <netlink/netlink.h>

namespace l7 {

/// Asks for a dump with `header` as the message's own header, and hands each answer out. Where the
/// kernel knows no such thing the dump is empty.
Result<void> netlink_dump(int protocol, int type, const void *header, std::size_t size,
                          const std::function<void(const nlmsghdr *)> &each);

} // namespace l7
