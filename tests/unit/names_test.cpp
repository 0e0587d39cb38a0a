// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/dns_hints.hpp"
#include "core/names/endpoint_memory.hpp"
#include "core/names/host_table.hpp"
#include "core/names/name_numbers.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

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

TEST_CASE("others are told what DNS answers said, and now and then again") {
    unsigned told = 0;
    DnsHints hints(
        64, [&](const DnsHints::Address &address, const DnsHints::Hint &hint, std::uint32_t ttl_s) {
            told++;
            CHECK(address == DnsHints::Address{1});
            CHECK(hint.host == 7);
            CHECK(ttl_s == 300); // as it is believed here
        });
    const DnsHints::Address one{1};
    hints.learn(one, {7, 3}, 20, kSecond);
    CHECK(told == 1);
    for (unsigned s = 2; s < 150; s++)
        hints.learn(one, {7, 3}, 20, s * kSecond);
    CHECK(told == 1);
    hints.learn(one, {7, 3}, 20, 152 * kSecond);
    CHECK(told == 2);
    hints.learn(one, {7, 4}, 20, 153 * kSecond); // it changes
    CHECK(told == 3);
    hints.learn({2}, {7, 3}, 20, kSecond, DnsHints::Seen::Elsewhere);
    CHECK(told == 3);
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

namespace {

/// Told what a memory publishes.
struct Told {
    std::vector<std::pair<unsigned, bool>> all; ///< port, whether something holds of it
    EndpointMemory memory{[this](const l7_endpoint &server, const auto &verdict) {
        all.emplace_back(server.port, verdict.has_value());
    }};

    static l7_endpoint server(unsigned port, std::uint8_t l4 = 6) {
        l7_endpoint out{};
        out.port = static_cast<std::uint16_t>(port);
        out.addr[0] = port >> 16;
        out.l4 = l4;
        return out;
    }
};

constexpr EndpointMemory::Verdict kOne{20, 1}, kOther{21, 0};

} // namespace

TEST_CASE("a hint holds at once, until a flow says otherwise or its time is over") {
    Told told;
    const l7_endpoint server = Told::server(5);
    told.memory.hint(server, kOne, kSecond);
    CHECK(told.memory.find(server, kSecond) == kOne);
    CHECK_FALSE(told.memory.find(Told::server(5, 17), kSecond));
    told.memory.hint(server, kOne, 2 * kSecond); // not told again so soon
    CHECK(told.all.size() == 1);
    told.memory.hint(server, kOne, 100 * kSecond);
    CHECK(told.all.size() == 2);
    CHECK_FALSE(told.memory.find(server, 1000 * kSecond));
    told.memory.hint(server, kOne, 1000 * kSecond);
    CHECK(told.memory.find(server, 1000 * kSecond));

    told.memory.learn(server, kOther, 1001 * kSecond);
    CHECK_FALSE(told.memory.find(server, 1001 * kSecond));
    CHECK(told.all.back() == std::pair(5U, false));
    const std::size_t before = told.all.size();
    told.memory.hint(server, kOne, 1002 * kSecond); // its flows are others
    CHECK_FALSE(told.memory.find(server, 1002 * kSecond));
    CHECK(told.all.size() == before);
    CHECK(told.memory.hints().contrary == 2);
}

TEST_CASE("a hint that flows bear out becomes what they were") {
    Told told;
    const l7_endpoint server = Told::server(5);
    told.memory.hint(server, kOne, kSecond);
    for (int i = 0; i < 3; i++)
        told.memory.learn(server, kOne, kSecond);
    CHECK(told.all == std::vector<std::pair<unsigned, bool>>{{5, true}, {5, true}});
    told.memory.learn(server, kOne, 500 * kSecond);
    // The hint's time is over, the memory's is not.
    told.memory.hint(Told::server(6), kOne, 700 * kSecond);
    CHECK(told.memory.find(server, 700 * kSecond) == kOne);
    CHECK(std::ranges::count(told.all, std::pair(5U, false)) == 0);
    CHECK(told.memory.hints().alive == 1);
}

TEST_CASE("hints are bounded, in all and in a second") {
    Told told;
    std::uint64_t now = kSecond;
    const std::size_t most = EndpointMemory::kHints;
    for (unsigned i = 0; i < most + 10; i++) {
        if (i % 1000 == 0)
            now += kSecond;
        told.memory.hint(Told::server(i + 1), kOne, now);
    }
    CHECK(told.memory.hints().alive == most);
    CHECK(told.memory.hints().pushed_out == 10);
    CHECK_FALSE(told.memory.find(Told::server(10), now));
    CHECK(told.memory.find(Told::server(11), now));
    CHECK(std::ranges::count(told.all, std::pair(10U, false)) == 1);

    now += kSecond;
    for (unsigned i = 0; i < 10'000; i++)
        told.memory.hint(Told::server(100'000 + i), kOne, now);
    CHECK(told.memory.hints().left_out == 10'000 - EndpointMemory::kHintsASecond);
    CHECK(told.memory.hints().alive == most);
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
