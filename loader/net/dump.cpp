// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/dump.hpp"

#include <netlink/errno.h>

namespace l7 {

Result<void> netlink_dump(int protocol, int type, const void *header, std::size_t size,
                          const std::function<void(const nlmsghdr *)> &each) {
    auto socket = open_netlink(protocol);
    if (!socket)
        return socket.error();
    const auto take = [](nl_msg *message, void *to) -> int {
        (*static_cast<const std::function<void(const nlmsghdr *)> *>(to))(nlmsg_hdr(message));
        return NL_OK;
    };
    nl_socket_modify_cb(socket->get(), NL_CB_VALID, NL_CB_CUSTOM, take,
                        const_cast<std::function<void(const nlmsghdr *)> *>(&each));
    // nl_send_simple promises not to write into what it is given.
    int done = nl_send_simple(socket->get(), type, NLM_F_DUMP, const_cast<void *>(header), size);
    if (done >= 0)
        done = nl_recvmsgs_default(socket->get());
    if (done == -NLE_INVAL || done == -NLE_OBJ_NOTFOUND)
        return {}; // there is nothing of the kind
    if (done < 0)
        return Error{nl_geterror(done)};
    return {};
}

} // namespace l7
