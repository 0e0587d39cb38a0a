// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/external_cache.hpp"
#include "core/sync/outbox.hpp"
#include "core/sync/takeover.hpp"
#include "support/memory_table.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <thread>

using namespace l7;
using namespace std::chrono_literals;

namespace {

std::string key(std::uint32_t number) {
    return key_of(numbered_flow(number).key);
}

std::string record(std::uint32_t number, std::uint64_t changed_ms = 1) {
    return encode(numbered_flow(number), changed_ms);
}

constexpr std::size_t kRoom = 1 << 20;

} // namespace

TEST_CASE("of a state that waits the last change is sent, in the order in which states came") {
    Outbox outbox(kRoom);
    outbox.put("fa", "1");
    outbox.put("fb", "1");
    outbox.put("fa", "2");
    outbox.remove("fb");
    CHECK(outbox.report().coalesced == 2);
    const auto taken = outbox.take(10, 0ms);
    REQUIRE(taken.size() == 2);
    CHECK(taken[0].key == "fa");
    CHECK(taken[0].record == "2");
    CHECK(taken[1].key == "fb");
    CHECK(taken[1].record.empty());
    CHECK(outbox.report().bytes == 0);
    CHECK(outbox.report().waiting == 0);
}

TEST_CASE("a full outbox drops, counts, and says that all must be written anew") {
    Outbox outbox(3 * (Outbox::kOverhead + 3));
    for (const char *name : {"fa", "fb", "fc", "fd"})
        outbox.put(name, "1");
    CHECK(outbox.report().waiting == 3);
    CHECK(outbox.report().dropped == 1);
    outbox.put("fa", "22"); // what waits already always finds room
    CHECK(outbox.report().dropped == 1);
    CHECK(outbox.take_dropped());
    CHECK_FALSE(outbox.take_dropped());
    CHECK(outbox.take(2, 0ms).size() == 2);
    CHECK(outbox.take(2, 0ms).size() == 1);
    outbox.put("fd", "1");
    CHECK(outbox.report().dropped == 1);
}

TEST_CASE("who waits for changes is woken by one, and by a wake") {
    Outbox outbox(kRoom);
    std::thread later([&] { outbox.put("fa", "1"); });
    CHECK(outbox.take(1, 10s).size() == 1);
    later.join();
    outbox.wake();
    CHECK(outbox.take(1, 10s).empty());
    CHECK(outbox.take(1, 1ms).empty());
}

TEST_CASE("a cache holds what a peer put and did not remove") {
    ExternalCache cache(kRoom, {});
    CHECK(cache.put(key(1), record(1), 0));
    CHECK(cache.put(key(2), record(2), 0));
    CHECK(cache.put(key(1), record(1, 99), 0));
    CHECK(cache.report().flows == 2);
    cache.remove(key(1));
    cache.remove(key(3));
    CHECK(cache.report().flows == 1);
    std::size_t seen = 0;
    cache.each([&](std::string_view k, std::string_view r) {
        seen++;
        CHECK(k == key(2));
        CHECK(r == record(2));
    });
    CHECK(seen == 1);
    cache.remove(key(2));
    CHECK(cache.report().bytes == 0);
}

TEST_CASE("a cache refuses what is malformed") {
    ExternalCache cache(kRoom, {});
    CHECK_FALSE(cache.put(key(1), "\7nonsense", 0));
    CHECK_FALSE(cache.put("nonsense", record(1), 0));
    CHECK_FALSE(cache.put("", "", 0));
    CHECK(cache.report().malformed == 3);
    CHECK(cache.report().bytes == 0);
}

TEST_CASE("a cache stays within its bound, and wants all again once there is room") {
    const std::size_t each = key(1).size() + record(1).size() + ExternalCache::kOverhead;
    ExternalCache cache(10 * each, {});
    for (std::uint32_t i = 1; i <= 12; i++)
        cache.put(key(i), record(i), 0);
    CHECK(cache.report().bytes <= 10 * each);
    CHECK(cache.report().no_room >= 2);
    CHECK_FALSE(cache.report().complete);
    CHECK_FALSE(cache.wants_full_read());
    for (std::uint32_t i = 1; i <= 5; i++)
        cache.remove(key(i));
    CHECK(cache.wants_full_read());
    cache.begin_full_read();
    CHECK_FALSE(cache.wants_full_read());
    cache.end_full_read();
    CHECK(cache.report().flows == 0);
}

TEST_CASE("a full read leaves what was put in it") {
    ExternalCache cache(kRoom, {});
    cache.put(key(1), record(1), 0);
    cache.put(key(2), record(2), 0);
    cache.begin_full_read();
    cache.put(key(2), record(2), 0);
    cache.put(key(3), record(3), 0);
    cache.end_full_read();
    CHECK(cache.report().flows == 2);
    cache.each([](std::string_view k, std::string_view) { CHECK(k != key(1)); });
}

TEST_CASE("entries of a silent peer leave when their flows would have; of a live one never") {
    TimeoutConfig timeouts;
    ExternalCache cache(kRoom, timeouts);
    FlowState udp = numbered_flow(2);
    udp.key.l4 = IPPROTO_UDP;
    udp.flags = 0;
    cache.put(key(1), record(1), 1000);
    cache.put(key_of(udp.key), encode(udp, 1), 1000);
    const std::uint64_t minute = 61'000;
    cache.expire(1000 + minute, 1000 + minute, 0); // alive just now
    CHECK(cache.report().flows == 2);
    cache.expire(1000 + minute, 1000, 0);
    CHECK(cache.report().flows == 1);
    cache.expire(1000 + 7'201'000ULL, 1000, 0);
    CHECK(cache.report().flows == 0);
    CHECK(cache.report().expired == 2);
}

TEST_CASE("how long a flow lives unheard of is what the configuration says of its kind") {
    const TimeoutConfig timeouts;
    FlowState state = numbered_flow(1);
    CHECK(idle_limit_s(state, timeouts) == timeouts.tcp_established);
    state.flags |= L7_F_RST;
    CHECK(idle_limit_s(state, timeouts) == timeouts.tcp_closed);
    state.flags = 0;
    CHECK(idle_limit_s(state, timeouts) == timeouts.tcp_opening);
    state.key.l4 = IPPROTO_UDP;
    CHECK(idle_limit_s(state, timeouts) == timeouts.udp_unreplied);
    state.flags = L7_F_REPLIED;
    CHECK(idle_limit_s(state, timeouts) == timeouts.udp_replied);
    state.key.l4 = IPPROTO_ICMP;
    CHECK(idle_limit_s(state, timeouts) == timeouts.icmp);
    state.key.l4 = IPPROTO_GRE;
    CHECK(idle_limit_s(state, timeouts) == timeouts.other);
}

TEST_CASE("an expectation leaves when its time is up, whether the peer lives or not") {
    ExternalCache cache(kRoom, {});
    ExpectationState state;
    state.parent = numbered_flow(1).key;
    state.until_ms = 5000;
    cache.put(key_of(state), encode(state), 0);
    CHECK(cache.report().expectations == 1);
    cache.expire(0, 0, 4999);
    CHECK(cache.report().expectations == 1);
    cache.expire(0, 0, 5000);
    CHECK(cache.report().expectations == 0);
}

TEST_CASE("a takeover enters parents before their children, then what they expect") {
    Takeover takeover;
    constexpr std::uint32_t kFamilies = 2000; // of parent, child and grandchild
    for (std::uint32_t i = 0; i < kFamilies; i++) {
        FlowState parent = numbered_flow(3 * i), child = numbered_flow(3 * i + 1),
                  grandchild = numbered_flow(3 * i + 2);
        child.parent = parent.key;
        grandchild.parent = child.key;
        for (const FlowState &state : {grandchild, child, parent})
            takeover.add(key_of(state.key), encode(state, 1));
    }
    ExpectationState fresh, old;
    fresh.parent = old.parent = numbered_flow(0).key;
    fresh.until_ms = 2000;
    old.until_ms = 1000;
    old.port = 1;
    takeover.add(key_of(fresh), encode(fresh));
    takeover.add(key_of(old), encode(old));
    takeover.add("nonsense", "x");
    MemoryTable table;
    const auto report = takeover.enter(table, 1500);
    REQUIRE(report);
    CHECK(report->flows == 3 * kFamilies);
    CHECK(report->entered == 3 * kFamilies);
    CHECK(report->expectations_entered == 1);
    CHECK(report->expired == 1);
    CHECK(report->malformed == 1);
    CHECK(table.orphans() == 0);
    CHECK(table.expectations() == 1);
}

TEST_CASE("a ring of parents ends") {
    Takeover takeover;
    FlowState one = numbered_flow(1), other = numbered_flow(2);
    one.parent = other.key;
    other.parent = one.key;
    for (const FlowState &state : {one, other})
        takeover.add(key_of(state.key), encode(state, 1));
    MemoryTable table;
    CHECK(takeover.enter(table, 0)->entered == 2);
}

TEST_CASE("of a flow that two peers have the newer is entered") {
    FlowState older = numbered_flow(1, 1), newer = numbered_flow(1, 2);
    for (const bool newer_first : {true, false}) {
        Takeover takeover;
        takeover.add(key_of(older.key), newer_first ? encode(newer, 20) : encode(older, 10));
        takeover.add(key_of(older.key), newer_first ? encode(older, 10) : encode(newer, 20));
        MemoryTable table;
        REQUIRE(takeover.enter(table, 0)->entered == 1);
        CHECK(table.wrong(1, 1, [&](auto) { return newer; }) == 0);
    }
}
