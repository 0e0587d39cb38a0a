// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/pickup.hpp"
#include "support/rules.hpp"

#include <arpa/inet.h>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <map>

using namespace l7;

namespace {

constexpr std::uint32_t kClient = 0xc0000202, kRouter = 0xcb007101, kServer = 0xc6336402;

std::array<std::uint8_t, 16> address_of(std::uint32_t v4) {
    std::array<std::uint8_t, 16> out{};
    out[10] = out[11] = 0xff;
    const std::uint32_t be = htonl(v4);
    std::memcpy(out.data() + 12, &be, 4);
    return out;
}

TrackedEnd end(std::uint32_t v4, std::uint16_t port) {
    return {address_of(v4), port};
}

/// Ends as they are given; keys of the tables have them in order.
l7_key key_of(const TrackedEnd &one, const TrackedEnd &other) {
    l7_key out{};
    out.family = 4;
    out.l4 = IPPROTO_TCP;
    std::memcpy(out.addr[0], one.address.data(), 16);
    std::memcpy(out.addr[1], other.address.data(), 16);
    out.port[0] = htons(one.port);
    out.port[1] = htons(other.port);
    return out;
}

Tracked plain() {
    return {{{{end(kClient, 40000), end(kServer, 443)}, {end(kServer, 443), end(kClient, 40000)}}},
            0,
            {{7, 10}}};
}

/// A connection tracking and a flow table, of which both threads use what the mutex guards.
struct Fixture {
    std::mutex mutex;
    std::optional<Tracked> tracked = plain();
    bool fails = false;
    bool scaled = false;
    std::uint64_t now = 1;
    unsigned asked = 0;
    std::vector<l7_put> puts;
    std::shared_ptr<Catalog> catalog = std::make_shared<Catalog>();
    CatalogHolder catalogs;
    std::unique_ptr<Pickup> pickup;

    explicit Fixture(const std::string &config = "") {
        catalog->config = *parse_config(config, "x");
        catalog->knowledge = test::knowledge_of({{"ssh", {"remote"}}, {"ftp", {"file"}}});
        catalog->rules = std::make_shared<const RuleTables>(
            RuleTables::compile(catalog->config.rules, catalog->knowledge));
    }

    Pickup &start() {
        catalogs.publish(catalog);
        pickup = std::make_unique<Pickup>(
            Pickup::World{.ask = [this](const l7_key &) -> Result<std::optional<Tracked>> {
                              const std::lock_guard lock(mutex);
                              asked++;
                              if (fails)
                                  return Error{"no answer"};
                              return tracked;
                          },
                          .put = [this](const l7_put &put) -> Result<void> {
                              const std::lock_guard lock(mutex);
                              puts.push_back(put);
                              return {};
                          },
                          .scaled =
                              [this] {
                                  const std::lock_guard lock(mutex);
                                  return scaled;
                              },
                          .now_ns =
                              [this] {
                                  const std::lock_guard lock(mutex);
                                  return now;
                              }},
            catalogs);
        return *pickup;
    }

    static l7_record record(std::uint8_t flags = L7_R_MIDSTREAM, std::uint16_t port = 40000) {
        l7_record out{};
        out.key = key_of(end(kClient, port), end(kServer, 443));
        out.hash = l7_key_hash(&out.key);
        out.born = 5;
        out.flags = flags;
        return out;
    }

    /// Waits till the thread has come so far.
    bool until(const std::function<bool(const PickupReport &)> &so_far) const {
        for (int i = 0; i < 5000; i++) {
            if (so_far(pickup->report()))
                return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return false;
    }
};

constexpr const char *kMarks = "[conntrack]\nmark = true\n"
                               "[[rule]]\nprotocol = \"ssh\"\nmark = 0x100\n"
                               "[[rule]]\nprotocol = [\"ssh\", \"ftp\"]\nmark = 0x200\n";

} // namespace

TEST_CASE("which end began a tracked connection, on either side of a NAT") {
    const TrackedEnd client = end(kClient, 40000), server = end(kServer, 443);
    const TrackedEnd router = end(kRouter, 50000);
    CHECK(initiator_of(plain(), key_of(client, server)) == 0U);
    CHECK(initiator_of(plain(), key_of(server, client)) == 1U);
    CHECK_FALSE(initiator_of(plain(), key_of(router, server)));
    CHECK_FALSE(initiator_of(plain(), key_of(client, end(kServer, 444))));
    // SNAT: beyond the router the connection is the router's.
    const Tracked masqueraded{{{{client, server}, {server, router}}}, 0, {}};
    CHECK(initiator_of(masqueraded, key_of(client, server)) == 0U);
    CHECK(initiator_of(masqueraded, key_of(server, client)) == 1U);
    CHECK(initiator_of(masqueraded, key_of(router, server)) == 0U);
    CHECK(initiator_of(masqueraded, key_of(server, router)) == 1U);
    // DNAT: this side of it the connection is to the router.
    const Tracked forwarded{{{{client, router}, {server, client}}}, 0, {}};
    CHECK(initiator_of(forwarded, key_of(client, router)) == 0U);
    CHECK(initiator_of(forwarded, key_of(client, server)) == 0U);
    CHECK(initiator_of(forwarded, key_of(server, client)) == 1U);
}

TEST_CASE("a flow is told its scales, and nothing else") {
    Fixture f;
    Pickup &pickup = f.start();
    pickup.met(Fixture::record());
    REQUIRE(f.until([](const auto &report) { return report.scaled == 1; }));
    REQUIRE(f.puts.size() == 1);
    const l7_flow &flow = f.puts[0].flow;
    CHECK(flow.born == 5);
    CHECK(flow.protocol == L7_UNSET);
    CHECK(flow.tcp[0].scale == 7);
    CHECK(flow.tcp[1].scale == 10);
    CHECK(flow.tcp[0].flags == (L7_T_SYN | L7_T_SCALE));
    CHECK((flow.flags & (L7_F_SYN_0 | L7_F_SYN_1)) == (L7_F_SYN_0 | L7_F_SYN_1));
}

TEST_CASE("who spoke first when we came need not have begun the connection") {
    Fixture f;
    Pickup &pickup = f.start();
    pickup.met(Fixture::record(L7_R_MIDSTREAM | L7_R_INITIATOR_1)); // the server did
    REQUIRE(f.until([](const auto &report) { return report.scaled == 1; }));
    CHECK(f.puts[0].flow.tcp[0].scale == 10);
    CHECK(f.puts[0].flow.tcp[1].scale == 7);
}

TEST_CASE("the kernel is asked once, and only about connections met midway") {
    Fixture f;
    Pickup &pickup = f.start();
    pickup.met(Fixture::record(0));
    l7_record expected = Fixture::record();
    expected.kind = L7_RECORD_EXPECTED;
    pickup.met(expected);
    l7_record known = Fixture::record();
    known.protocol = L7_PROTOCOL_FIRST;
    pickup.met(known);
    for (int i = 0; i < 10; i++)
        pickup.met(Fixture::record());
    REQUIRE(f.until([](const auto &report) { return report.scaled == 1; }));
    CHECK(f.asked == 1);
    CHECK(f.puts.size() == 1);
}

TEST_CASE("so many are asked about in a second, and no more") {
    Fixture f;
    f.tracked.reset();
    Pickup &pickup = f.start();
    for (unsigned i = 0; i < Pickup::kPerSecond + 200; i++) {
        pickup.met(Fixture::record(L7_R_MIDSTREAM, static_cast<std::uint16_t>(1024 + i)));
        if (i % 100 == 0)
            REQUIRE(f.until([&](const auto &report) { return report.asked + report.limited > i; }));
    }
    REQUIRE(f.until([](const auto &report) {
        return report.asked + report.limited == Pickup::kPerSecond + 200;
    }));
    CHECK(f.asked == Pickup::kPerSecond);
    CHECK(pickup.report().untracked == Pickup::kPerSecond);
    {
        const std::lock_guard lock(f.mutex);
        f.now += 1'000'000'000;
    }
    pickup.met(Fixture::record(L7_R_MIDSTREAM, 9));
    CHECK(f.until([](const auto &report) { return report.asked == Pickup::kPerSecond + 1; }));
}

TEST_CASE("a mark that one rule alone writes says what the connection is") {
    Fixture f(kMarks);
    f.tracked->mark = 0xab000100; // others' bits
    Pickup &pickup = f.start();
    pickup.met(Fixture::record());
    REQUIRE(f.until([](const auto &report) { return report.named == 1; }));
    REQUIRE(f.puts.size() == 1);
    CHECK(f.puts[0].flow.protocol == f.catalog->knowledge.protocols->find("ssh"));
    CHECK(f.puts[0].flow.reason == L7_REASON_REPLICA);
    CHECK(f.puts[0].flow.tcp[1].scale == 10);
    CHECK(pickup.report().scaled == 1);
}

TEST_CASE("where the packet path has looked up the scales, only marks are asked for") {
    Fixture plain;
    plain.scaled = true;
    plain.start().met(Fixture::record());
    Fixture marks(kMarks);
    marks.scaled = true;
    marks.tracked->mark = 0x100;
    marks.start().met(Fixture::record());
    REQUIRE(marks.until([](const auto &report) { return report.named == 1; }));
    CHECK(marks.pickup->report().scaled == 0);
    CHECK(marks.puts.at(0).flow.tcp[0].flags == 0);
    CHECK(plain.pickup->report().asked == 0);
}

TEST_CASE("a mark that leaves doubts, or is not ours, says nothing") {
    std::string config = kMarks;
    Fixture doubtful(config);
    doubtful.tracked->mark = 0x200;
    doubtful.tracked->scale.reset();
    Fixture foreign(config.substr(config.find("[[rule]]")));
    foreign.tracked->mark = 0x100;
    foreign.tracked->scale.reset();
    Fixture strict("[tcp]\nloose = false\n" + config);
    strict.catalog->knowledge.loose = false;
    strict.tracked->mark = 0x100;
    strict.tracked->scale.reset();
    for (Fixture *f : {&doubtful, &foreign, &strict}) {
        f->start().met(Fixture::record());
        CHECK(f->until([](const auto &report) { return report.unknown == 1; }));
        CHECK(f->puts.empty());
    }
}

TEST_CASE("no answer is counted, with its reason") {
    Fixture f;
    f.fails = true;
    f.start().met(Fixture::record());
    CHECK(f.until([](const auto &report) { return report.failed == 1; }));
    CHECK(f.pickup->report().last_error == "no answer");
}
