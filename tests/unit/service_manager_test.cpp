// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/service_manager.hpp"

#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace l7;

namespace {

/// What systemd has: a datagram socket with an abstract name.
struct Manager {
    std::string name = "@l7ctl-test-" + std::to_string(getpid());
    Fd fd{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};

    Manager() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), size) == 0);
    }

    std::string heard() const {
        char text[256];
        const ssize_t got = recv(fd.get(), text, sizeof(text), 0);
        return got < 0 ? std::string() : std::string(text, static_cast<std::size_t>(got));
    }
};

} // namespace

TEST_CASE("the service manager hears what happens") {
    const Manager manager;
    const ServiceManager ours(manager.name);

    ours.ready();
    CHECK(manager.heard() == "READY=1");
    ours.reloading();
    CHECK(manager.heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    ours.alive();
    CHECK(manager.heard() == "WATCHDOG=1");
    ours.stopping();
    CHECK(manager.heard() == "STOPPING=1");
    CHECK(manager.heard().empty());
}

TEST_CASE("no service manager, or none that listens, is no trouble") {
    for (const std::string &address :
         {std::string(), std::string("@"), std::string("relative"), std::string("/nonexistent/x"),
          std::string("@l7ctl-nobody"), "/" + std::string(200, 'x')})
        ServiceManager(address).ready();
}
