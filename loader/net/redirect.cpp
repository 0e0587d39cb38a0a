// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/redirect.hpp"

#include "core/policy/shape_tree.hpp"
#include "net/tc_filters.hpp"

#include <linux/if_ether.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/act/mirred.h>
#include <netlink/route/action.h>
#include <netlink/route/classifier.h>
#include <netlink/route/cls/u32.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/tc.h>
#include <string_view>

namespace l7 {

namespace {

constexpr std::uint32_t kIngress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);

NetlinkQdisc clsact(std::uint32_t ifindex) {
    NetlinkQdisc out(rtnl_qdisc_alloc());
    if (!out)
        return out;
    rtnl_tc_set_ifindex(tc(out.get()), static_cast<int>(ifindex));
    rtnl_tc_set_parent(tc(out.get()), TC_H_CLSACT);
    rtnl_tc_set_handle(tc(out.get()), TC_H_MAKE(TC_H_CLSACT, 0));
    if (rtnl_tc_set_kind(tc(out.get()), "clsact") < 0)
        out.reset();
    return out;
}

NetlinkFilter our_filter(std::uint32_t ifindex) {
    NetlinkFilter out(rtnl_cls_alloc());
    if (!out)
        return out;
    rtnl_tc_set_ifindex(tc(out.get()), static_cast<int>(ifindex));
    rtnl_tc_set_parent(tc(out.get()), kIngress);
    rtnl_cls_set_prio(out.get(), kRedirectPriority);
    rtnl_cls_set_protocol(out.get(), ETH_P_ALL);
    if (rtnl_tc_set_kind(tc(out.get()), "u32") < 0)
        out.reset();
    return out;
}

NetlinkAction to_device(std::uint32_t target) {
    NetlinkAction out(rtnl_act_alloc());
    if (!out || rtnl_tc_set_kind(tc(out.get()), "mirred") < 0)
        return {};
    rtnl_mirred_set_action(out.get(), TCA_EGRESS_REDIR);
    rtnl_mirred_set_policy(out.get(), TC_ACT_STOLEN);
    rtnl_mirred_set_ifindex(out.get(), target);
    return out;
}

Result<void> delete_clsact(nl_sock *socket, std::uint32_t ifindex) {
    const NetlinkQdisc qdisc = clsact(ifindex);
    if (!qdisc)
        return Error{"out of memory"};
    if (const int failure = rtnl_qdisc_delete(socket, qdisc.get()); failure < 0)
        return netlink_error("deleting the clsact qdisc", failure);
    return {};
}

} // namespace

Result<Redirect> find_redirect(nl_sock *socket, std::uint32_t ifindex) {
    nl_cache *raw = nullptr;
    const int failure = rtnl_cls_alloc_cache(socket, static_cast<int>(ifindex), kIngress, &raw);
    if (failure == -NLE_INVAL || failure == -NLE_OBJ_NOTFOUND)
        return Redirect{}; // no clsact
    if (failure < 0)
        return netlink_error("listing filters", failure);
    const NetlinkCache cache(raw);
    Redirect out;
    for (nl_object *one = nl_cache_get_first(raw); one; one = nl_cache_get_next(one)) {
        auto *filter = reinterpret_cast<rtnl_cls *>(one);
        std::uint32_t flow = 0;
        const char *kind = rtnl_tc_get_kind(tc(filter));
        if (rtnl_cls_get_prio(filter) != kRedirectPriority || !kind ||
            std::string_view(kind) != "u32" || rtnl_u32_get_classid(filter, &flow) < 0 ||
            (flow != kRedirectFlow && flow != kRedirectFlowOwnClsact))
            continue;
        out.there = true;
        out.own_clsact = flow == kRedirectFlowOwnClsact;
        if (rtnl_act *action = rtnl_u32_get_action(filter))
            out.target = rtnl_mirred_get_ifindex(action);
    }
    return out;
}

Result<void> add_redirect(nl_sock *socket, std::uint32_t ifindex, std::uint32_t target) {
    const auto present = has_clsact(ifindex);
    if (!present)
        return present.error();
    if (!*present) {
        const NetlinkQdisc qdisc = clsact(ifindex);
        if (!qdisc)
            return Error{"out of memory"};
        if (const int failure = rtnl_qdisc_add(socket, qdisc.get(), NLM_F_CREATE | NLM_F_EXCL);
            failure < 0)
            return netlink_error("adding a clsact qdisc", failure);
    }
    const NetlinkFilter filter = our_filter(ifindex);
    const NetlinkAction action = to_device(target);
    if (!filter || !action)
        return Error{"out of memory"};
    rtnl_u32_add_key_uint32(filter.get(), 0, 0, 0, 0);
    rtnl_u32_set_classid(filter.get(), *present ? kRedirectFlow : kRedirectFlowOwnClsact);
    rtnl_u32_set_cls_terminal(filter.get());
    rtnl_u32_add_action(filter.get(), action.get());
    const int failure = rtnl_cls_add(socket, filter.get(), NLM_F_CREATE | NLM_F_EXCL);
    if (failure >= 0)
        return {};
    if (!*present)
        (void)delete_clsact(socket, ifindex).error(); // the first error counts
    Error error = netlink_error("adding the filter that redirects", failure);
    if (failure == -NLE_OBJ_NOTFOUND || failure == -NLE_OPNOTSUPP) {
        error.hint = "it needs cls_u32 and act_mirred (CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED)";
        error.blame = Blame::Environment;
    }
    return error;
}

Result<void> delete_redirect(nl_sock *socket, std::uint32_t ifindex) {
    const auto found = find_redirect(socket, ifindex);
    if (!found)
        return found.error();
    if (!found->there)
        return {};
    const NetlinkFilter filter = our_filter(ifindex);
    if (!filter)
        return Error{"out of memory"};
    if (const int failure = rtnl_cls_delete(socket, filter.get(), 0); failure < 0)
        return netlink_error("deleting the filter that redirects", failure);
    if (!found->own_clsact)
        return {};
    for (const bool egress : {false, true}) {
        const auto others = filter_priorities(ifindex, egress);
        if (!others)
            return others.error();
        if (!others->empty())
            return {};
    }
    return delete_clsact(socket, ifindex);
}

} // namespace l7
