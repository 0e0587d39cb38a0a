// SPDX-License-Identifier: GPL-2.0-or-later
// Flows that are still sampled after their verdict, and those that start with a presumed one.
#include "fixture.hpp"
#include "support/rules.hpp"

#include <ctime>

using namespace l7;
using namespace l7::test;

namespace {

constexpr std::uint16_t kFirst = L7_PROTOCOL_FIRST;
constexpr std::uint16_t kSecond = L7_PROTOCOL_FIRST + 1;

Packet datagram(const char *payload) {
    Packet out;
    out.l4 = 17;
    out.payload = bytes_of(payload);
    return out;
}

l7_verdict verdict_on(const l7_flow_entry &entry, std::uint16_t protocol) {
    l7_verdict out{};
    out.key = entry.key;
    out.protocol = protocol;
    out.packet = 1;
    out.reason = L7_REASON_PATTERN;
    out.born = entry.flow.born;
    return out;
}

} // namespace

TEST_CASE("a followed flow is sampled on, until an update says it is enough") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    const Buffer packet = build(datagram("question"));

    programs.run(packet);
    const auto entry = flows_in(state, FlowTables::Table::Newcomers).at(0);
    l7_verdict first = verdict_on(entry, kFirst);
    first.flags = L7_V_FOLLOW;
    REQUIRE(worker.apply({first}) == 1);
    const auto records = [&] { return state.kernel->counters()->records; };
    CHECK(records() == 1);
    programs.run(packet);
    CHECK(records() == 2);

    l7_verdict better = verdict_on(entry, kSecond);
    better.op = L7_APPLY_UPDATE;
    better.packet = 2;
    better.reason = L7_REASON_DISSECTOR;
    better.application = 5;
    better.host = 6;
    better.attributes = L7_A_TLS;
    REQUIRE(worker.apply({better}) == 1);
    programs.run(packet);
    CHECK(records() == 2);
    const l7_flow flow = flows_in(state, FlowTables::Table::Flows).at(0).flow;
    CHECK(flow.protocol == kSecond);
    CHECK(flow.verdict_packet == 2);
    CHECK(flow.application == 5);
    CHECK(flow.host == 6);
    CHECK(flow.attributes == L7_A_TLS);
    CHECK(flow.packets[0] == 3);
    CHECK(account_of(state, 0, kFirst).flows == 0);
    CHECK(account_of(state, 0, kSecond).flows == 1);
    CHECK(state.kernel->counters()->verdicts_updated == 1);
}

TEST_CASE("what follows a flow that nobody listens to any more ends") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    const Buffer packet = build(datagram("question"));

    programs.run(packet);
    l7_verdict verdict = verdict_on(flows_in(state, FlowTables::Table::Newcomers).at(0), kFirst);
    verdict.flags = L7_V_FOLLOW;
    verdict.host = 9;
    worker.apply({verdict});
    verdict.op = L7_APPLY_UNFOLLOW;
    worker.apply({verdict});
    programs.run(packet);
    CHECK(state.kernel->counters()->records == 1);
    CHECK(flows_in(state, FlowTables::Table::Flows).at(0).flow.host == 9);
}

TEST_CASE(
    "a new flow starts with what its server's flows were, and is corrected by its own bytes") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    const Knowledge knowledge = knowledge_of({{"first", {}}}); // has the first number
    Rule rule;
    rule.protocols = {"first"};
    rule.mark = 0x1200;
    REQUIRE(state.kernel->rules().set(tables_of({rule}, knowledge), {}, {}));
    const Buffer packet = build(datagram("hello"));

    programs.run(packet);
    const auto known = flows_in(state, FlowTables::Table::Newcomers).at(0);
    const unsigned server = known.flow.flags & L7_F_INITIATOR_1 ? 0 : 1;
    l7_endpoint endpoint{};
    std::copy_n(known.key.addr[server], 4, endpoint.addr);
    endpoint.port = known.key.port[server];
    endpoint.l4 = known.key.l4;
    state.kernel->presume(endpoint, kFirst, 3, 600);

    Packet next = datagram("hello");
    next.sport = 40001;
    __sk_buff skb{};
    programs.run(build(next), L7_INGRESS, &skb);
    CHECK(skb.mark == 0x1200); // from its very first packet
    CHECK(state.kernel->counters()->flows_provisional == 1);
    l7_flow_entry fresh{};
    for (const auto &entry : flows_in(state, FlowTables::Table::Newcomers))
        if (entry.flow.flags & L7_F_PROVISIONAL)
            fresh = entry;
    CHECK(fresh.flow.protocol == kFirst);
    CHECK(fresh.flow.application == 3);
    CHECK(fresh.flow.reason == L7_REASON_ENDPOINT);
    CHECK(state.kernel->counters()->records == 2); // it is looked at all the same

    CHECK(worker.apply({verdict_on(fresh, kSecond)}) == 1);
    CHECK(flows_in(state, FlowTables::Table::Flows).at(0).flow.protocol == kSecond);
    CHECK_FALSE(flows_in(state, FlowTables::Table::Flows).at(0).flow.flags & L7_F_PROVISIONAL);

    state.kernel->presume_nothing();
    next.sport = 40002;
    programs.run(build(next));
    CHECK(state.kernel->counters()->flows_provisional == 1);
}
