// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/ifb.hpp"

#include "core/policy/shape_tree.hpp"

#include <linux/if.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>

namespace l7 {

namespace {

constexpr unsigned kQueuePackets = 1000; ///< an IFB has 32 otherwise

std::string alias_of(rtnl_link *link) {
    const char *alias = rtnl_link_get_ifalias(link);
    return alias ? alias : "";
}

} // namespace

Result<Ifb> find_ifb(nl_sock *socket, const std::string &dev) {
    rtnl_link *raw = nullptr;
    const int failure = rtnl_link_get_kernel(socket, 0, ifb_name(dev).c_str(), &raw);
    if (failure == -NLE_NODEV || failure == -NLE_OBJ_NOTFOUND)
        return Ifb{};
    if (failure < 0)
        return netlink_error("looking for " + ifb_name(dev), failure);
    const NetlinkLink link(raw);
    return Ifb{static_cast<std::uint32_t>(rtnl_link_get_ifindex(raw)),
               alias_of(raw) == ifb_alias(dev), (rtnl_link_get_flags(raw) & IFF_UP) != 0};
}

Result<void> add_ifb(nl_sock *socket, const std::string &dev) {
    const NetlinkLink link(rtnl_link_alloc());
    if (!link)
        return Error{"out of memory"};
    rtnl_link_set_name(link.get(), ifb_name(dev).c_str());
    rtnl_link_set_type(link.get(), "ifb");
    rtnl_link_set_txqlen(link.get(), kQueuePackets);
    int failure = rtnl_link_add(socket, link.get(), NLM_F_CREATE | NLM_F_EXCL);
    if (failure == -NLE_OPNOTSUPP)
        return Error{"the kernel has no IFB devices", "CONFIG_IFB, module ifb; or shape up only",
                     Blame::Environment};
    if (failure < 0)
        return netlink_error("adding the device " + ifb_name(dev), failure);
    // Not every kernel takes an alias while it makes a device.
    const NetlinkLink now(rtnl_link_alloc());
    if (!now)
        return Error{"out of memory"};
    rtnl_link_set_name(now.get(), ifb_name(dev).c_str());
    rtnl_link_set_ifalias(now.get(), ifb_alias(dev).c_str());
    rtnl_link_set_flags(now.get(), IFF_UP);
    failure = rtnl_link_change(socket, now.get(), now.get(), 0);
    if (failure < 0) {
        rtnl_link_delete(socket, now.get()); // without its alias it would not be known for ours
        return netlink_error("setting the device " + ifb_name(dev) + " up", failure);
    }
    return {};
}

Result<void> set_ifb_up(nl_sock *socket, const std::string &dev) {
    const NetlinkLink link(rtnl_link_alloc());
    if (!link)
        return Error{"out of memory"};
    rtnl_link_set_name(link.get(), ifb_name(dev).c_str());
    rtnl_link_set_flags(link.get(), IFF_UP);
    if (const int failure = rtnl_link_change(socket, link.get(), link.get(), 0); failure < 0)
        return netlink_error("setting the device " + ifb_name(dev) + " up", failure);
    return {};
}

Result<void> delete_ifb(nl_sock *socket, const std::string &dev) {
    const NetlinkLink link(rtnl_link_alloc());
    if (!link)
        return Error{"out of memory"};
    rtnl_link_set_name(link.get(), ifb_name(dev).c_str());
    if (const int failure = rtnl_link_delete(socket, link.get()); failure < 0)
        return netlink_error("deleting the device " + ifb_name(dev), failure);
    return {};
}

Result<std::vector<std::string>> devices_with_ifb(nl_sock *socket) {
    nl_cache *raw = nullptr;
    if (const int failure = rtnl_link_alloc_cache(socket, AF_UNSPEC, &raw); failure < 0)
        return netlink_error("listing devices", failure);
    const NetlinkCache cache(raw);
    const std::string prefix = ifb_alias("");
    std::vector<std::string> out;
    for (nl_object *one = nl_cache_get_first(raw); one; one = nl_cache_get_next(one)) {
        auto *link = reinterpret_cast<rtnl_link *>(one);
        const std::string alias = alias_of(link);
        if (!alias.starts_with(prefix))
            continue;
        const std::string dev = alias.substr(prefix.size());
        if (ifb_name(dev) == rtnl_link_get_name(link))
            out.push_back(dev);
    }
    return out;
}

} // namespace l7
