// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/host_ranking.hpp"

#include <l7ctl/rate.h>

#include <arpa/inet.h>
#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace l7;

namespace {

l7_flow_entry flow(std::uint32_t from, std::uint32_t to, std::uint64_t bytes,
                   std::uint64_t bytes_per_s = 0, std::uint32_t name = 0) {
    l7_flow_entry out{};
    out.key.family = 4;
    out.key.addr[0][2] = out.key.addr[1][2] = htonl(0xffff);
    out.key.addr[0][3] = htonl(from);
    out.key.addr[1][3] = htonl(to);
    out.flow.bytes[0] = bytes;
    out.flow.rate[0] = bytes_per_s * L7_RATE_ONE;
    out.flow.counted[0] = static_cast<std::uint32_t>(bytes);
    out.flow.seen[0] = out.flow.seen[1] = out.now = 1000;
    out.flow.host = name;
    return out;
}

} // namespace

TEST_CASE("hosts are ranked by what flows at either end of them have") {
    HostRanking ranking(1000, 7);
    ranking.add(flow(1, 100, 5000, 10, 3));
    ranking.add(flow(2, 100, 1000, 2000, 4));
    ranking.add(flow(3, 3, 800, 500)); // to itself: once
    const auto fast = ranking.top(HostRanking::By::Rate);
    REQUIRE(fast.size() == 4);
    CHECK(address_text(fast[0]) == "0.0.0.100");
    CHECK(fast[0].bytes_per_s == 2010);
    CHECK(fast[0].flows == 2);
    CHECK(fast[0].name == 4);
    CHECK(address_text(fast[1]) == "0.0.0.2");
    CHECK(fast[1].name == 0); // the name is the server's
    const auto large = ranking.top(HostRanking::By::Amount);
    CHECK(large[0].bytes == 6000);
    CHECK(address_text(large[1]) == "0.0.0.1");
    CHECK(address_text(large[3]) == "0.0.0.3");
    CHECK(large[3].bytes == 800);
    CHECK(ranking.flows() == 3);
}

TEST_CASE("an answerer's name goes to the end that did not begin") {
    HostRanking ranking(1000, 7);
    l7_flow_entry one = flow(1, 2, 100, 0, 9);
    one.flow.flags = L7_F_INITIATOR_1;
    one.key.family = 6;
    ranking.add(one);
    for (const RankedHost &host : ranking.top(HostRanking::By::Amount))
        CHECK(host.name == (host.address[15] == 1 ? 9U : 0U));
}

TEST_CASE("more hosts than are kept push out those with least") {
    HostRanking ranking(1000, 7);
    constexpr std::uint32_t kFlows = 3 * HostRanking::kMost;
    for (std::uint32_t i = 0; i < kFlows; i++)
        ranking.add(flow(0x0a000000 + i, 1 + i % 30, 100 + i % 30));
    ranking.add(flow(0xc0000001, 0xc0000002, 10, 1'000'000));
    const auto large = ranking.top(HostRanking::By::Amount);
    REQUIRE(large.size() == HostRanking::kShown);
    for (std::size_t i = 0; i < large.size(); i++) {
        CHECK(address_text(large[i]) == "0.0.0." + std::to_string(30 - i));
        CHECK(large[i].flows >= kFlows / 30); // it was never among the least
    }
    CHECK(ranking.top(HostRanking::By::Rate)[0].bytes_per_s == 1'000'000);
    CHECK(ranking.flows() == kFlows + 1);
    CHECK(ranking.forgotten() > kFlows / 2);
}
