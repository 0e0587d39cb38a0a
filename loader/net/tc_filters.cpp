// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/tc_filters.hpp"

#include "net/netlink.hpp"

#include <algorithm>
#include <linux/pkt_sched.h>
#include <memory>
#include <netlink/netlink.h>
#include <netlink/route/classifier.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/tc.h>

namespace l7 {

Result<std::vector<std::uint16_t>> filter_priorities(std::uint32_t ifindex, bool egress) {
    auto socket = open_rtnetlink();
    if (!socket)
        return socket.error();
    std::vector<std::uint16_t> out;
    nl_cache *raw = nullptr;
    const auto parent = static_cast<std::uint32_t>(
        TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS));
    const int failure =
        rtnl_cls_alloc_cache(socket->get(), static_cast<int>(ifindex), parent, &raw);
    if (failure == -NLE_INVAL || failure == -NLE_OBJ_NOTFOUND)
        return out; // no clsact: the kernel knows no such parent
    if (failure < 0)
        return Error{std::string("listing filters: ") + nl_geterror(failure)};
    const NetlinkCache cache(raw);
    for (nl_object *one = nl_cache_get_first(raw); one; one = nl_cache_get_next(one))
        out.push_back(rtnl_cls_get_prio(reinterpret_cast<rtnl_cls *>(one)));
    std::ranges::sort(out);
    return out;
}

Result<bool> has_clsact(std::uint32_t ifindex) {
    auto socket = open_rtnetlink();
    if (!socket)
        return socket.error();
    nl_cache *raw = nullptr;
    if (const int failure = rtnl_qdisc_alloc_cache(socket->get(), &raw); failure < 0)
        return Error{std::string("listing qdiscs: ") + nl_geterror(failure)};
    const NetlinkCache cache(raw);
    for (nl_object *one = nl_cache_get_first(raw); one; one = nl_cache_get_next(one)) {
        auto *tc = reinterpret_cast<rtnl_tc *>(one);
        const std::string_view kind = rtnl_tc_get_kind(tc);
        if (rtnl_tc_get_ifindex(tc) == static_cast<int>(ifindex) &&
            (kind == "clsact" || kind == "ingress"))
            return true;
    }
    return false;
}

} // namespace l7
