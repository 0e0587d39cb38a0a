// SPDX-License-Identifier: GPL-2.0-or-later
// Tables of packets and what the kernel program makes of each.
#include "fixture.hpp"

#include <catch2/generators/catch_generators.hpp>

#include <functional>

using namespace l7;
using namespace l7::test;

namespace {

Packet with(const std::function<void(Packet &)> &change) {
    Packet out;
    out.payload = bytes_of("hello");
    change(out);
    return out;
}

void ipv6(Packet &packet) {
    packet.source = "2001:db8::1";
    packet.target = "2001:db8::2";
}

struct Row {
    const char *what;
    Buffer packet;
    __u64 l7_counters::*counter; ///< what goes up by one
    std::uint16_t account;       ///< protocol it is accounted under
    unsigned flows;
};

const std::vector<Row> &rows() {
    static const std::vector<Row> all{
        {"IPv4 TCP", build(with([](Packet &) {})), &l7_counters::flows_created, L7_UNSET, 1},
        {"IPv4 UDP", build(with([](Packet &p) { p.l4 = 17; })), &l7_counters::flows_created,
         L7_UNSET, 1},
        {"IPv4 SCTP", build(with([](Packet &p) { p.l4 = 132; })), &l7_counters::flows_created,
         L7_UNSET, 1},
        {"IPv4 ICMP", build(with([](Packet &p) { p.l4 = 1; })), &l7_counters::flows_created,
         L7_UNSET, 1},
        {"an IP protocol by number", build(with([](Packet &p) { p.l4 = 200; })),
         &l7_counters::flows_created, L7_UNSET, 1},
        {"IPv4 options", build(with([](Packet &p) { p.ip_options = 40; })),
         &l7_counters::flows_created, L7_UNSET, 1},
        {"TCP options", build(with([](Packet &p) { p.tcp_options = 40; })),
         &l7_counters::flows_created, L7_UNSET, 1},
        {"IPv6 TCP", build(with(ipv6)), &l7_counters::flows_created, L7_UNSET, 1},
        {"IPv6 UDP behind extension headers", build(with([](Packet &p) {
             ipv6(p);
             p.l4 = 17;
             p.extensions = {0, 60, 43, 60};
         })),
         &l7_counters::flows_created, L7_UNSET, 1},
        {"a tag in the data", build(with([](Packet &p) {
             p.vlans = {{0x8100, 5}};
         })),
         &l7_counters::flows_created, L7_UNSET, 1},
        {"QinQ", build(with([](Packet &p) {
             p.vlans = {{0x88a8, 5}, {0x8100, 6}};
         })),
         &l7_counters::flows_created, L7_UNSET, 1},
        {"PPPoE session, IPv4", build(with([](Packet &p) { p.pppoe = true; })),
         &l7_counters::flows_created, L7_UNSET, 1},
        {"PPPoE session, IPv6, tagged", build(with([](Packet &p) {
             ipv6(p);
             p.pppoe = true;
             p.vlans = {{0x8100, 7}};
         })),
         &l7_counters::flows_created, L7_UNSET, 1},
        {"ARP", build(with([](Packet &p) { p.ethertype = 0x0806; })), &l7_counters::not_ip,
         L7_NON_IP, 0},
        {"MPLS", build(with([](Packet &p) { p.ethertype = 0x8847; })),
         &l7_counters::mpls_unsupported, L7_NON_IP, 0},
        {"PPPoE that carries no IP",
         [] {
             Buffer out = build(with([](Packet &p) { p.pppoe = true; }));
             out[14 + 6] = 0xc0; // LCP
             out[14 + 7] = 0x21;
             return out;
         }(),
         &l7_counters::not_ip, L7_NON_IP, 0},
        {"IP header cut short",
         [] {
             Buffer out = build(with([](Packet &p) { p.vlans = {{0x8100, 1}}; }));
             out.resize(18 + 12);
             return out;
         }(),
         &l7_counters::truncated_ip, L7_MALFORMED, 0},
        {"tag cut short",
         [] {
             Buffer out = build(with([](Packet &p) { p.vlans = {{0x8100, 1}}; }));
             out.resize(16);
             return out;
         }(),
         &l7_counters::truncated_link, L7_MALFORMED, 0},
        {"TCP header cut short",
         [] {
             Packet p = with([](Packet &) {});
             p.length_error = -10;
             p.payload.clear();
             Buffer out = build(p);
             return out;
         }(),
         &l7_counters::truncated_transport, L7_MALFORMED, 0},
        {"IP length beyond the packet", build(with([](Packet &p) { p.length_error = 100; })),
         &l7_counters::bad_ip_length, L7_MALFORMED, 0},
        {"IPv6 length beyond the packet", build(with([](Packet &p) {
             ipv6(p);
             p.length_error = 100;
         })),
         &l7_counters::bad_ip_length, L7_MALFORMED, 0},
        {"IP version 5",
         [] {
             Buffer out = build(with([](Packet &) {}));
             out[14] = 0x55;
             return out;
         }(),
         &l7_counters::bad_ip_version, L7_MALFORMED, 0},
        {"TCP data offset 2",
         [] {
             Buffer out = build(with([](Packet &) {}));
             out[14 + 20 + 12] = 0x20;
             return out;
         }(),
         &l7_counters::bad_tcp_offset, L7_MALFORMED, 0},
        {"UDP length 3",
         [] {
             Buffer out = build(with([](Packet &p) { p.l4 = 17; }));
             out[14 + 20 + 5] = 3;
             return out;
         }(),
         &l7_counters::bad_udp_length, L7_MALFORMED, 0},
        {"nine extension headers", build(with([](Packet &p) {
             ipv6(p);
             p.extensions.assign(9, 60);
         })),
         &l7_counters::headers_too_deep, L7_MALFORMED, 0},
        {"a later fragment of nothing we saw", build(with([](Packet &p) {
             p.l4 = 17;
             p.fragment_offset = 10;
         })),
         &l7_counters::fragments_orphan, L7_UNKNOWN, 0},
    };
    return all;
}

} // namespace

TEST_CASE("packets and what becomes of them") {
    State state;
    const Programs programs(state);
    for (const Row &row : rows()) {
        for (const l7_hook hook : {L7_INGRESS, L7_EGRESS}) {
            INFO(row.what << (hook == L7_INGRESS ? ", ingress" : ", egress"));
            REQUIRE(state.kernel->accounts().clear(0));
            const auto before = state.kernel->counters();
            programs.run(row.packet, hook);
            const auto after = state.kernel->counters();
            CHECK((*after).*row.counter == (*before).*row.counter + 1);
            const l7_account account = account_of(state, hook, row.account);
            CHECK(account.packets == 1);
            CHECK(account.bytes == row.packet.size());
            const auto flows = flows_in(state, FlowTables::Table::Newcomers);
            CHECK(flows.size() == row.flows);
            InlineWorker worker(state, nullptr);
            worker.drain();
            std::vector<l7_verdict> removals;
            for (const l7_flow_entry &entry : flows) {
                CHECK(entry.flow.packets[0] + entry.flow.packets[1] == 1);
                CHECK(entry.flow.bytes[0] + entry.flow.bytes[1] == row.packet.size());
                l7_verdict removal{};
                removal.key = entry.key;
                removal.op = L7_APPLY_REMOVE;
                removals.push_back(removal);
            }
            worker.apply(removals);
        }
    }
}

TEST_CASE("a device without link header") {
    State state;
    const Programs programs(state, 0, true);
    Packet packet = GENERATE(Packet{}, with(ipv6));
    packet.ethernet = false;
    packet.payload = bytes_of("x");
    programs.run(build(packet));
    CHECK(flows_in(state, FlowTables::Table::Newcomers).size() == 1);
}

TEST_CASE("later fragments join their datagram's flow") {
    State state;
    const Programs programs(state);
    Packet packet = GENERATE(Packet{}, with(ipv6));
    packet.l4 = 17;
    packet.fragment_id = 4711;
    packet.more_fragments = true;
    packet.payload = Buffer(160, 'a');
    programs.run(build(packet));
    packet.fragment_offset = 21;
    packet.more_fragments = false;
    programs.run(build(packet));
    const auto flows = flows_in(state, FlowTables::Table::Newcomers);
    REQUIRE(flows.size() == 1);
    CHECK(flows[0].flow.packets[0] == 2);
    CHECK(state.kernel->counters()->fragments_later == 1);
    CHECK(state.kernel->counters()->records == 1); // its bytes are not read as a datagram's start
}

TEST_CASE("a GSO packet counts as what goes over the wire") {
    State state;
    const Programs programs(state);
    Packet packet;
    packet.payload = Buffer(2000, 'a');
    const Buffer bytes = build(packet);
    __sk_buff skb{};
    skb.gso_size = 500;
    skb.gso_segs = 4;
    programs.run(bytes, L7_INGRESS, &skb);
    const l7_account account = account_of(state, L7_INGRESS, L7_UNSET);
    CHECK(account.packets == 4);
    CHECK(account.bytes == 2000 + 4 * 54);
}

TEST_CASE("of several datagrams in one packet the first is sampled") {
    State state;
    const Programs programs(state);
    Packet packet;
    packet.l4 = 17;
    packet.payload = Buffer(900, 'a');
    __sk_buff skb{};
    skb.gso_size = 300;
    skb.gso_segs = 3;
    programs.run(build(packet), L7_INGRESS, &skb);
    auto port = state.kernel->open_port(0);
    REQUIRE(port);
    const Bytes record = port->ring.next();
    REQUIRE(record.size() >= sizeof(l7_record));
    l7_record head;
    std::memcpy(&head, record.data(), sizeof(head));
    CHECK(head.size == 300);
}

TEST_CASE("bypass lets everything pass") {
    State state;
    const Programs programs(state);
    state.kernel->set_bypass(true);
    programs.run(build(with([](Packet &) {})));
    CHECK(state.kernel->counters()->bypassed == 1);
    CHECK(flows_in(state, FlowTables::Table::Newcomers).empty());
    state.kernel->set_bypass(false);
    programs.run(build(with([](Packet &) {})));
    CHECK(flows_in(state, FlowTables::Table::Newcomers).size() == 1);
}
