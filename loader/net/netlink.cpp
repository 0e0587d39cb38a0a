// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/netlink.hpp"

#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

namespace l7 {

void NetlinkFree::operator()(nl_sock *socket) const {
    nl_socket_free(socket);
}

void NetlinkFree::operator()(nl_cache *cache) const {
    nl_cache_free(cache);
}

Result<NetlinkSocket> open_rtnetlink() {
    NetlinkSocket socket(nl_socket_alloc());
    if (!socket)
        return Error{"out of memory"};
    if (const int failure = nl_connect(socket.get(), NETLINK_ROUTE); failure < 0)
        return netlink_error("opening rtnetlink", failure);
    return socket;
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
