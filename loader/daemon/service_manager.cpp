// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/service_manager.hpp"

#include "core/base/clock.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace l7 {

ServiceManager ServiceManager::from_environment() {
    const char *address = std::getenv("NOTIFY_SOCKET");
    return ServiceManager(address ? address : "");
}

ServiceManager::ServiceManager(std::string_view address) {
    sockaddr_un name{};
    if (address.size() < 2 || address.size() >= sizeof(name.sun_path) ||
        (address[0] != '/' && address[0] != '@'))
        return;
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, address.data(), address.size());
    if (address[0] == '@')
        name.sun_path[0] = '\0';
    Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    if (fd && connect(fd.get(), reinterpret_cast<const sockaddr *>(&name), size) == 0)
        socket_ = std::move(fd);
}

void ServiceManager::reloading() const {
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_ns() / 1000));
}

/// A manager that does not listen is no reason to stop.
void ServiceManager::tell(std::string_view state) const {
    if (socket_)
        (void)!send(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL);
}

} // namespace l7
