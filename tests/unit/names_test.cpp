// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/dns_hints.hpp"
#include "core/names/endpoint_memory.hpp"
#include "core/names/host_table.hpp"
#include "core/names/name_numbers.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;

namespace {
constexpr std::uint64_t kSecond = 1'000'000'000;
}

TEST_CASE("a host name has one id, however it is written, until it leaves") {
    HostTable hosts(4);
    const std::uint32_t first = hosts.number("WWW.Example.Org");
    CHECK(first != 0);
    CHECK(hosts.number("www.example.org") == first);
    CHECK(hosts.name(first) == "www.example.org");
    CHECK(hosts.number("") == 0);
    CHECK(hosts.name(0).empty());
    for (int i = 0; i < 20; i++)
        CHECK(hosts.number("host" + std::to_string(i)) != 0);
    CHECK(hosts.name(first).empty()); // not another's name
    CHECK(hosts.size() == 4);
    CHECK(hosts.number(std::string(300, 'a') + ".example") != 0);
    CHECK(hosts.name(hosts.number(std::string(300, 'a') + ".example")).ends_with("a.example"));
}

TEST_CASE("a host name that is asked for stays") {
    HostTable hosts(8);
    const std::uint32_t kept = hosts.number("kept");
    for (int i = 0; i < 100; i++) {
        (void)hosts.number("passing" + std::to_string(i));
        CHECK(hosts.number("kept") == kept);
    }
}

TEST_CASE("host names are found again in memory that outlived the process") {
    std::vector<l7_host> memory(16);
    std::uint32_t id = 0;
    {
        HostTable hosts(memory);
        id = hosts.number("www.example.org");
    }
    memory[3].id = 0x00010003; // what a crash may leave: no end, and a name twice
    std::fill(std::begin(memory[3].name), std::end(memory[3].name), 'x');
    memory[4] = memory[id & 0xffff];
    HostTable again(memory);
    CHECK(again.name(id) == "www.example.org");
    CHECK(again.number("www.example.org") == id);
}

TEST_CASE("a DNS hint lasts as long as its answer, and not where names share the address") {
    DnsHints hints(8);
    const DnsHints::Address one{1}, other{2};
    hints.learn(one, {7, 3}, 600, kSecond);
    REQUIRE(hints.find(one, 2 * kSecond));
    CHECK(hints.find(one, 2 * kSecond)->application == 3);
    CHECK_FALSE(hints.find(other, 2 * kSecond));
    CHECK_FALSE(hints.find(one, 700 * kSecond));
    hints.learn(other, {7, 3}, 600, kSecond);
    hints.learn(other, {8, 4}, 600, kSecond);
    CHECK_FALSE(hints.find(other, 2 * kSecond));
    for (std::uint8_t i = 3; i < 200; i++) // bounded
        hints.learn({i}, {7, 3}, 600, kSecond);
}

TEST_CASE("a server is known when its last flows agreed, and not after one that did not") {
    std::vector<std::optional<EndpointMemory::Verdict>> told;
    EndpointMemory memory(
        [&](const l7_endpoint &, const auto &verdict) { told.push_back(verdict); });
    l7_endpoint server{};
    server.port = 443;
    const EndpointMemory::Verdict a{20, 1}, b{21, 0};

    memory.learn(server, a, kSecond);
    memory.learn(server, a, kSecond);
    CHECK_FALSE(memory.find(server, kSecond));
    memory.learn(server, a, kSecond);
    REQUIRE(memory.find(server, kSecond));
    CHECK(*memory.find(server, kSecond) == a);
    CHECK(told.size() == 1);
    memory.learn(server, a, 2 * kSecond); // not told again so soon
    CHECK(told.size() == 1);
    memory.learn(server, a, 100 * kSecond);
    CHECK(told.size() == 2);
    CHECK_FALSE(memory.find(server, 1000 * kSecond)); // too long ago
    memory.learn(server, b, 101 * kSecond);
    CHECK_FALSE(memory.find(server, 101 * kSecond));
    REQUIRE(told.size() == 3);
    CHECK_FALSE(told.back());
    l7_endpoint another = server;
    another.l4 = 17;
    CHECK_FALSE(memory.find(another, kSecond));
}

TEST_CASE("numbers of names end where they must") {
    NameNumbers numbers(1, 3);
    CHECK(numbers.number("a") == 1);
    CHECK(numbers.number("b") == 2);
    CHECK(numbers.number("c") == 0);
    CHECK(numbers.number("a") == 1);
    CHECK(numbers.find("c") == 0);
    CHECK(numbers.name(2) == "b");
    CHECK(numbers.name(9) == "?");
    CHECK_FALSE(numbers.restore(3, "d"));
    CHECK_FALSE(numbers.restore(0, "d"));
}
