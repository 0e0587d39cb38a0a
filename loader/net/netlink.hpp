// SPDX-License-Identifier: GPL-2.0-or-later
// What every user of rtnetlink shares.
#pragma once

#include "core/base/result.hpp"

#include <memory>
#include <string>

struct nl_cache;
struct nl_msg;
struct nl_sock;
struct rtnl_act;
struct rtnl_class;
struct rtnl_cls;
struct rtnl_link;
struct rtnl_qdisc;
struct rtnl_tc;

namespace l7 {

/// Gives an object of libnl back.
struct NetlinkFree {
    void operator()(nl_cache *cache) const;
    void operator()(nl_msg *message) const;
    void operator()(nl_sock *socket) const;
    void operator()(rtnl_act *action) const;
    void operator()(rtnl_class *one) const;
    void operator()(rtnl_cls *filter) const;
    void operator()(rtnl_link *link) const;
    void operator()(rtnl_qdisc *qdisc) const;
};
using NetlinkAction = std::unique_ptr<rtnl_act, NetlinkFree>;
using NetlinkCache = std::unique_ptr<nl_cache, NetlinkFree>;
using NetlinkClass = std::unique_ptr<rtnl_class, NetlinkFree>;
using NetlinkFilter = std::unique_ptr<rtnl_cls, NetlinkFree>;
using NetlinkLink = std::unique_ptr<rtnl_link, NetlinkFree>;
using NetlinkMessage = std::unique_ptr<nl_msg, NetlinkFree>;
using NetlinkQdisc = std::unique_ptr<rtnl_qdisc, NetlinkFree>;
using NetlinkSocket = std::unique_ptr<nl_sock, NetlinkFree>;

/// What qdiscs, classes and filters have in common.
template <class Object>
rtnl_tc *tc(Object *object) {
    return reinterpret_cast<rtnl_tc *>(object);
}

/// A socket of a protocol (NETLINK_ROUTE, ...) in the network namespace of the calling thread.
Result<NetlinkSocket> open_netlink(int protocol);
Result<NetlinkSocket> open_rtnetlink();

/// `what: reason`; blames the environment where privilege or a kernel feature is missing.
Error netlink_error(const std::string &what, int failure);

} // namespace l7
