// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/links.hpp"

#include <cerrno>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>

namespace l7 {

namespace {

/// Device types whose packets start with the IP header (linux/if_arp.h).
bool is_l3(unsigned type) {
    switch (type) {
    case ARPHRD_NONE:
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
        return true;
    default:
        return false;
    }
}

Link to_link(rtnl_link *from) {
    return {static_cast<std::uint32_t>(rtnl_link_get_ifindex(from)), rtnl_link_get_name(from),
            is_l3(rtnl_link_get_arptype(from)), (rtnl_link_get_flags(from) & IFF_UP) != 0};
}

} // namespace

Result<Link> find_link(const std::string &name) {
    const auto socket = open_rtnetlink();
    if (!socket)
        return socket.error();
    rtnl_link *found = nullptr;
    if (const int failure = rtnl_link_get_kernel(socket->get(), 0, name.c_str(), &found);
        failure < 0)
        return Error{"device " + name + ": " +
                         (failure == -NLE_NODEV || failure == -NLE_OBJ_NOTFOUND
                              ? "no such device"
                              : nl_geterror(failure)),
                     "`ip link` lists the devices of this network namespace"};
    const Link link = to_link(found);
    rtnl_link_put(found);
    return link;
}

Result<LinkMonitor> LinkMonitor::open() {
    NetlinkSocket socket(nl_socket_alloc());
    if (!socket)
        return Error{"out of memory"};
    nl_socket_disable_seq_check(socket.get());
    int failure = nl_connect(socket.get(), NETLINK_ROUTE);
    if (failure == 0)
        failure = nl_socket_add_memberships(socket.get(), RTNLGRP_LINK, 0);
    if (failure == 0)
        failure = nl_socket_set_nonblocking(socket.get());
    if (failure < 0)
        return Error{std::string("watching devices: ") + nl_geterror(failure)};
    return LinkMonitor(std::move(socket));
}

int LinkMonitor::fd() const {
    return nl_socket_get_fd(socket_.get());
}

bool LinkMonitor::take(const std::function<void(const Event &)> &each) {
    const auto parse = [](nl_msg *message, void *to) -> int {
        const nlmsghdr *header = nlmsg_hdr(message);
        struct Context {
            const std::function<void(const Event &)> *each;
            bool gone;
        } context{static_cast<const std::function<void(const Event &)> *>(to),
                  header->nlmsg_type == RTM_DELLINK};
        if (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK)
            return NL_OK;
        const auto hand_out = [](nl_object *object, void *arguments) {
            const auto *into = static_cast<Context *>(arguments);
            (*into->each)({to_link(reinterpret_cast<rtnl_link *>(object)), into->gone});
        };
        nl_msg_parse(message, hand_out, &context);
        return NL_OK;
    };
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, parse,
                        const_cast<std::function<void(const Event &)> *>(&each));
    for (;;) {
        const int failure = nl_recvmsgs_default(socket_.get());
        if (failure == -NLE_AGAIN)
            return true;
        if (failure < 0)
            return false; // the socket's buffer ran over
    }
}

} // namespace l7
