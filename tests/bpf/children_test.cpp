// SPDX-License-Identifier: GPL-2.0-or-later
// Flows that were announced, flows that come from elsewhere, and segments that come from nowhere.
#include "core/expect/expectations.hpp"
#include "fixture.hpp"
#include "support/rules.hpp"

#include <l7ctl/tcp.h>

#include <arpa/inet.h>
#include <ctime>

using namespace l7;
using namespace l7::test;

namespace {

constexpr std::uint16_t kFirst = L7_PROTOCOL_FIRST;
constexpr std::uint8_t kSyn = 0x02, kAck = 0x10;

std::uint32_t second_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint32_t>(now.tv_sec);
}

/// Of the packet's flow, from its sender.
l7_expected expected_for(const Packet &packet) {
    l7_expected out{};
    out.source[2] = out.target[2] = htonl(0xffff);
    inet_pton(AF_INET, packet.source.c_str(), &out.source[3]);
    inet_pton(AF_INET, packet.target.c_str(), &out.target[3]);
    out.port = htons(packet.dport);
    out.l4 = packet.l4;
    return out;
}

l7_expectation what(std::uint32_t until_s, std::uint8_t flags = 0) {
    l7_expectation out{};
    out.id = 9;
    out.until_s = until_s;
    out.protocol = kFirst;
    out.application = 3;
    out.flags = flags;
    return out;
}

} // namespace

TEST_CASE("a flow that was announced has its verdict, and its rule, from its first packet") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    Rule rule;
    rule.protocols = {"first"};
    rule.mark = 0x1200;
    REQUIRE(state.kernel->rules().set(tables_of({rule}, knowledge_of({{"first", {}}})), {}, {}));
    Packet syn;
    syn.flags = kSyn;
    const l7_expected expected = expected_for(syn);
    const l7_expectation value = what(second_now() + 60);
    state.kernel->expect(expected, &value);
    __sk_buff skb{};
    programs.run(build(syn), L7_INGRESS, &skb);
    CHECK(skb.mark == 0x1200);
    const auto flows = flows_in(state, FlowTables::Table::Flows);
    REQUIRE(flows.size() == 1);
    CHECK(flows[0].flow.reason == L7_REASON_EXPECTED);
    CHECK(flows[0].flow.verdict_packet == 1);
    CHECK(flows[0].flow.parent == 9);
    CHECK(flows[0].flow.packets[0] == 1);
    CHECK(state.kernel->counters()->flows_expected == 1);
    CHECK(worker.drain() == 1); // the loader is told

    syn.sport++; // the expectation is used up
    programs.run(build(syn));
    CHECK(state.kernel->counters()->flows_expected == 1);
    CHECK(flows_in(state, FlowTables::Table::Newcomers).size() == 1);
}

TEST_CASE("expectations end, may stay, and may be met late") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    Packet syn;
    syn.flags = kSyn;
    const l7_expected expected = expected_for(syn);
    const l7_expectation over = what(second_now() - 1);
    state.kernel->expect(expected, &over);
    programs.run(build(syn));
    CHECK(flows_in(state, FlowTables::Table::Flows).empty());

    // The flow is there, the expectation comes after its first packet.
    const l7_expectation stays = what(second_now() + 60, L7_X_STAYS);
    state.kernel->expect(expected, &stays);
    Packet next = syn;
    next.flags = kAck;
    next.seq++;
    programs.run(build(next));
    const auto flows = flows_in(state, FlowTables::Table::Flows);
    REQUIRE(flows.size() == 1);
    CHECK(flows[0].flow.verdict_packet == 2);
    CHECK(flows[0].flow.packets[0] == 2);
    syn.sport++;
    programs.run(build(syn));
    CHECK(flows_in(state, FlowTables::Table::Flows).size() == 2);

    state.kernel->forget_expectations(second_now() + 100);
    CHECK(state.kernel->settings().expecting == 0);
    syn.sport++;
    programs.run(build(syn));
    CHECK(flows_in(state, FlowTables::Table::Flows).size() == 2);
}

TEST_CASE("flows from elsewhere enter, and do not outdo what is known here") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    Packet data;
    data.payload = bytes_of("hello");
    programs.run(build(data));
    const auto seen = flows_in(state, FlowTables::Table::Newcomers).at(0);

    l7_flow flow{};
    flow.protocol = kFirst;
    flow.reason = L7_REASON_REPLICA;
    flow.flags = L7_F_REPLICA;
    flow.tcp[0].scale = flow.tcp[1].scale = 7;
    flow.tcp[0].flags = flow.tcp[1].flags = L7_T_SYN | L7_T_SCALE;
    l7_key other = seen.key;
    other.port[0] = htons(1);
    const std::vector<l7_put> both{{seen.key, flow}, {other, flow}};
    const auto put = state.kernel->flows().put(both);
    REQUIRE(put);
    CHECK(put->entered == 2);
    const auto known = state.kernel->flows().find(seen.key);
    REQUIRE(known);
    CHECK(known->protocol == kFirst);
    CHECK(known->packets[0] + known->packets[1] == 1); // what was counted stays
    CHECK(known->tcp[0].scale == 7);
    CHECK(state.kernel->flows().find(other)->flags & L7_F_REPLICA);

    std::vector<l7_put> newer = both;
    newer[0].flow.protocol = newer[1].flow.protocol = kFirst + 1;
    const auto again = state.kernel->flows().put(newer);
    REQUIRE(again);
    CHECK(again->kept == 1); // of which a packet has come here
    CHECK(again->entered == 1);
    CHECK(state.kernel->flows().find(seen.key)->protocol == kFirst);
    CHECK(state.kernel->flows().find(other)->protocol == kFirst + 1);

    state.kernel->flows().withdraw(seen.key);
    state.kernel->flows().withdraw(other);
    CHECK(state.kernel->flows().find(seen.key));
    CHECK_FALSE(state.kernel->flows().find(other));

    std::vector<l7_put> many(1000, newer[1]);
    for (std::uint16_t i = 0; i < many.size(); i++)
        many[i].key.port[1] = i;
    CHECK(state.kernel->flows().put(many)->entered == 1000);
}

TEST_CASE("a flow that is still looked at can be told how its windows are scaled") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    Packet data;
    data.payload = bytes_of("hello");
    programs.run(build(data));
    const auto seen = flows_in(state, FlowTables::Table::Newcomers).at(0);
    CHECK(seen.flow.tcp[0].scale == L7_TCP_LIBERAL);

    l7_put told{seen.key, {}};
    told.flow.tcp[0].scale = 7;
    told.flow.tcp[1].scale = 10;
    told.flow.tcp[0].flags = told.flow.tcp[1].flags = L7_T_SYN | L7_T_SCALE;
    told.flow.born = seen.flow.born + 1; // another connection's
    CHECK(state.kernel->flows().put({&told, 1})->kept == 0);
    told.flow.born = seen.flow.born;
    CHECK(state.kernel->flows().put({&told, 1})->kept == 1);
    const auto now = flows_in(state, FlowTables::Table::Newcomers).at(0);
    CHECK(now.flow.protocol == L7_UNSET);
    CHECK(now.flow.tcp[0].scale == 7);
    CHECK(now.flow.tcp[1].scale == 10);
    CHECK(now.flow.packets[0] + now.flow.packets[1] == 1);
    told.key.port[0] = htons(1);
    CHECK(state.kernel->flows().put({&told, 1})->entered == 0);
    CHECK(flows_in(state, FlowTables::Table::Flows).empty());
}

TEST_CASE("a connection met midway is looked up in connection tracking, once") {
    State state;
    const unsigned has = state.kernel->looks_up_scales();
    INFO("this kernel has " << (has ? "" : "no ") << "bpf_skb_ct_lookup");
    Packet segment;
    segment.payload = bytes_of("midway");
    const auto untracked = [&] { return state.kernel->counters()->pickup_untracked; };
    {
        const Programs programs(state);
        for (int i = 0; i < 2; i++)
            programs.run(build(segment));
        CHECK(untracked() == has);
        segment.source = "2001:db8::1";
        segment.target = "2001:db8::2";
        programs.run(build(segment));
        CHECK(untracked() == 2 * has);
        segment.sport++;
        segment.flags = L7_TCP_SYN; // its beginning
        programs.run(build(segment));
        CHECK(untracked() == 2 * has);
    }
    state.kernel->look_up_no_scales(); // what a device does whose programs were refused
    const Programs programs(state);
    segment.sport++;
    segment.flags = L7_TCP_ACK;
    programs.run(build(segment));
    CHECK(untracked() == 2 * has);
    CHECK(state.kernel->counters()->flows_created == 4);
}

TEST_CASE("who does not see a connection cannot choose what it is taken for") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    Packet client, server;
    server.source = client.target;
    server.target = client.source;
    server.sport = client.dport;
    server.dport = client.sport;
    client.flags = kSyn;
    server.flags = kSyn | kAck;
    server.seq = 5000;
    programs.run(build(client));
    server.ack = ++client.seq;
    programs.run(build(server), L7_EGRESS);
    client.flags = kAck;
    client.ack = 5001;
    programs.run(build(client));
    const auto records = state.kernel->counters()->records;

    Packet forged = client;
    forged.payload = bytes_of("GET / HTTP/1.1\r\n");
    for (std::uint32_t i = 1; i < 100; i++) {
        forged.seq = client.seq + i * 0x02000000;
        programs.run(build(forged));
    }
    Packet reset = forged;
    reset.payload.clear();
    reset.flags = 0x04;
    programs.run(build(reset));
    const auto counters = state.kernel->counters();
    CHECK(counters->records == records);
    CHECK(counters->tcp_beyond + counters->tcp_before == 99);
    CHECK(counters->tcp_stray == 1);
    const auto flow = flows_in(state, FlowTables::Table::Newcomers).at(0).flow;
    CHECK_FALSE(flow.flags & L7_F_ENDED);
    CHECK(flow.packets[0] == 102); // they are traffic all the same

    client.payload = bytes_of("SSH-2.0-x\r\n");
    programs.run(build(client));
    CHECK(state.kernel->counters()->records == records + 1);
}
