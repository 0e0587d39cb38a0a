// SPDX-License-Identifier: GPL-2.0-or-later
// What every user of rtnetlink shares.
#pragma once

#include "core/base/result.hpp"

#include <memory>
#include <string>

struct nl_sock;
struct nl_cache;

namespace l7 {

struct NetlinkFree {
    void operator()(nl_sock *socket) const;
    void operator()(nl_cache *cache) const;
};
using NetlinkSocket = std::unique_ptr<nl_sock, NetlinkFree>;
using NetlinkCache = std::unique_ptr<nl_cache, NetlinkFree>;

/// A socket in the network namespace of the calling thread.
Result<NetlinkSocket> open_rtnetlink();

/// `what: reason`; blames the environment where privilege or a kernel feature is missing.
Error netlink_error(const std::string &what, int failure);

} // namespace l7
