// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/tc_probe.hpp"

#include "core/policy/shape_config.hpp"
#include "net/htb.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <netlink/netlink.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/tc.h>
#include <optional>
#include <sched.h>
#include <thread>

namespace l7 {

namespace {

constexpr int kLoopback = 1; ///< its index in every new namespace
constexpr std::uint32_t kHandle = 0x10000;

bool can_add(nl_sock *socket, const std::string &kind) {
    const NetlinkQdisc qdisc(rtnl_qdisc_alloc());
    if (!qdisc)
        return false;
    rtnl_tc_set_ifindex(tc(qdisc.get()), kLoopback);
    rtnl_tc_set_parent(tc(qdisc.get()), TC_H_ROOT);
    rtnl_tc_set_handle(tc(qdisc.get()), kHandle);
    return describe_leaf(qdisc.get(), kind) &&
           rtnl_qdisc_add(socket, qdisc.get(), NLM_F_CREATE | NLM_F_EXCL) >= 0 &&
           rtnl_qdisc_delete(socket, qdisc.get()) >= 0;
}

Result<std::set<std::string>> probe() {
    if (unshare(CLONE_NEWNET) != 0)
        return Error{std::string("making a network namespace to try qdiscs in: ") +
                         std::strerror(errno),
                     "run as root", Blame::Environment};
    const auto socket = open_rtnetlink();
    if (!socket)
        return socket.error();
    std::set<std::string> out;
    for (const std::string &kind : kLeafKinds)
        if (can_add(socket->get(), kind))
            out.insert(kind);
    return out;
}

} // namespace

Result<std::set<std::string>> leaf_kinds_there() {
    std::optional<Result<std::set<std::string>>> out;
    // The namespace is that of one thread, and goes with it.
    std::thread([&out] { out = probe(); }).join();
    return *out;
}

} // namespace l7
