// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/service_manager.hpp"

#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace l7;

namespace {

/// What systemd has: a datagram socket with an abstract name, or, without the `@`, at a path.
struct Manager {
    explicit Manager(std::string address = "@l7ctl-test-" + std::to_string(getpid()))
        : name(std::move(address)) {
        sockaddr_un there{};
        there.sun_family = AF_UNIX;
        std::memcpy(there.sun_path, name.data(), name.size());
        if (abstract())
            there.sun_path[0] = '\0';
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr *>(&there), size) == 0);
    }
    Manager(const Manager &) = delete;
    Manager &operator=(const Manager &) = delete;
    ~Manager() {
        if (!abstract())
            unlink(name.c_str());
    }

    bool abstract() const { return name.starts_with('@'); }

    std::string heard() const {
        char text[256];
        const ssize_t got = recv(fd.get(), text, sizeof(text), 0);
        return got < 0 ? std::string() : std::string(text, static_cast<std::size_t>(got));
    }

    std::string name;
    Fd fd{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
};

long long monotonic_us() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

} // namespace

TEST_CASE("the service manager hears what happens") {
    const Manager manager;
    const ServiceManager ours(manager.name);

    ours.ready();
    CHECK(manager.heard() == "READY=1");
    const long long before = monotonic_us();
    ours.reloading();
    const std::string reloading = manager.heard(), start = "RELOADING=1\nMONOTONIC_USEC=";
    REQUIRE(reloading.starts_with(start));
    const long long when = std::stoll(reloading.substr(start.size()));
    CHECK((before <= when && when <= monotonic_us()));
    ours.alive();
    CHECK(manager.heard() == "WATCHDOG=1");
    ours.stopping();
    CHECK(manager.heard() == "STOPPING=1");
    CHECK(manager.heard().empty());
}

TEST_CASE("the environment names the service manager") {
    const Manager manager;

    REQUIRE(setenv("NOTIFY_SOCKET", manager.name.c_str(), 1) == 0);
    const ServiceManager ours = ServiceManager::from_environment();
    REQUIRE(unsetenv("NOTIFY_SOCKET") == 0);
    const ServiceManager none = ServiceManager::from_environment();
    none.ready();
    CHECK(manager.heard().empty());
    ours.ready();
    CHECK(manager.heard() == "READY=1");
}

TEST_CASE("an address that sd_notify(3) does not have is not taken, whoever listens there") {
    for (const char *address : {"@", "l7ctl-test-relative"}) {
        const Manager manager{address};
        ServiceManager(address).ready();
        CHECK(manager.heard().empty());
    }
    // The same kind of socket is heard at an absolute path.
    const Manager manager("/tmp/l7ctl-test-" + std::to_string(getpid()));
    ServiceManager(manager.name).ready();
    CHECK(manager.heard() == "READY=1");
}

TEST_CASE("no service manager, none that listens, or one that is gone, is no trouble") {
    for (const std::string &address : {std::string(), std::string("/nonexistent/x"),
                                       std::string("@l7ctl-nobody"), "/" + std::string(200, 'x')})
        CHECK_NOTHROW(ServiceManager(address).ready());
    auto manager = std::make_unique<Manager>();
    const ServiceManager ours(manager->name);
    manager.reset();
    CHECK_NOTHROW(ours.ready());
}
