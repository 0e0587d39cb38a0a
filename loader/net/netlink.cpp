// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/netlink.hpp"

#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/action.h>
#include <netlink/route/class.h>
#include <netlink/route/classifier.h>
#include <netlink/route/link.h>
#include <netlink/route/qdisc.h>
#include <netlink/socket.h>

namespace l7 {

void NetlinkFree::operator()(nl_cache *cache) const {
    nl_cache_free(cache);
}
void NetlinkFree::operator()(nl_msg *message) const {
    nlmsg_free(message);
}
void NetlinkFree::operator()(nl_sock *socket) const {
    nl_socket_free(socket);
}
void NetlinkFree::operator()(rtnl_act *action) const {
    rtnl_act_put(action);
}
void NetlinkFree::operator()(rtnl_class *one) const {
    rtnl_class_put(one);
}
void NetlinkFree::operator()(rtnl_cls *filter) const {
    rtnl_cls_put(filter);
}
void NetlinkFree::operator()(rtnl_link *link) const {
    rtnl_link_put(link);
}
void NetlinkFree::operator()(rtnl_qdisc *qdisc) const {
    rtnl_qdisc_put(qdisc);
}

Result<NetlinkSocket> open_netlink(int protocol) {
    NetlinkSocket socket(nl_socket_alloc());
    if (!socket)
        return Error{"out of memory"};
    if (const int failure = nl_connect(socket.get(), protocol); failure < 0)
        return netlink_error("opening netlink", failure);
    return socket;
}

Result<NetlinkSocket> open_rtnetlink() {
    return open_netlink(NETLINK_ROUTE);
}

Error netlink_error(const std::string &what, int failure) {
    Error out{what + ": " + nl_geterror(failure)};
    if (failure == -NLE_PERM || failure == -NLE_NOACCESS) {
        out.hint = "run as root";
        out.blame = Blame::Environment;
    } else if (failure == -NLE_OPNOTSUPP) {
        out.blame = Blame::Environment;
    }
    return out;
}

} // namespace l7
