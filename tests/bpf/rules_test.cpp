// SPDX-License-Identifier: GPL-2.0-or-later
// What rules make of packets: mark, class, DSCP, their end at tc and in XDP; and that it is
// counted.
#include "fixture.hpp"
#include "support/rules.hpp"

#include "bpf/xdp.skel.h"

using namespace l7;
using namespace l7::test;

namespace {

Buffer udp(std::uint8_t traffic_class = 0, const char *source = "192.0.2.1",
           const char *target = "198.51.100.1") {
    Packet out;
    out.l4 = 17;
    out.source = source;
    out.target = target;
    out.traffic_class = traffic_class;
    out.payload = bytes_of("payload");
    return build(out);
}

/// RFC 1071, over an IPv4 header of 20 bytes; 0 where its checksum is right.
std::uint16_t header_sum(const Buffer &packet) {
    std::uint32_t sum = 0;
    for (std::size_t i = 14; i < 34; i += 2)
        sum += static_cast<std::uint32_t>(packet[i]) << 8 | packet[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

void seal(Buffer &packet) {
    packet[24] = packet[25] = 0;
    const std::uint16_t sum = header_sum(packet);
    packet[24] = static_cast<std::uint8_t>(sum >> 8);
    packet[25] = static_cast<std::uint8_t>(sum);
}

Rule everything() {
    Rule out;
    out.everything = true;
    return out;
}

/// Gives all newcomers a protocol and an application.
void judge(const State &state, InlineWorker &worker, std::uint16_t protocol,
           std::uint16_t application = 0) {
    for (const l7_flow_entry &entry : flows_in(state, FlowTables::Table::Newcomers)) {
        l7_verdict verdict{};
        verdict.key = entry.key;
        verdict.protocol = protocol;
        verdict.application = application;
        verdict.packet = 1;
        verdict.reason = L7_REASON_PATTERN;
        verdict.born = entry.flow.born;
        REQUIRE(worker.apply({verdict}) == 1);
    }
}

} // namespace

TEST_CASE("the mark changes under its mask only, and the class is set") {
    State state;
    const Programs programs(state);
    const Knowledge knowledge = knowledge_of({});
    Rule rule;
    rule.unset = true;
    rule.mark = 0x00ffff12;
    rule.classid = 0x10020;
    REQUIRE(state.kernel->rules().set(tables_of({rule}, knowledge), {}, {}));

    __sk_buff skb{};
    skb.mark = 0xa5a5a5a5;
    skb.priority = 7;
    programs.run(build(Packet{}), L7_EGRESS, &skb);
    CHECK(skb.mark == 0xa5a5ffa5); // the mask is 0xff00
    CHECK(skb.priority == 0x10020);

    rule.mark.reset();
    rule.classid = 0x10030;
    REQUIRE(state.kernel->rules().set(tables_of({rule}, knowledge), {}, {}));
    skb = {};
    skb.mark = 0xa5a5a5a5;
    programs.run(build(Packet{}), L7_EGRESS, &skb);
    CHECK(skb.mark == 0xa5a5a5a5);
    CHECK(skb.priority == 0x10030);

    REQUIRE(state.kernel->rules().set(tables_of({}, knowledge), {}, {}));
    skb = {};
    skb.mark = 3;
    skb.priority = 7;
    programs.run(build(Packet{}), L7_EGRESS, &skb);
    CHECK(skb.mark == 3);
    CHECK(skb.priority == 7);
}

TEST_CASE("rules by address, port, direction and amount; drop") {
    State state;
    const Programs programs(state);
    const Knowledge knowledge = knowledge_of({});
    Rule drop, big, rest;
    drop.everything = big.everything = rest.everything = true;
    drop.prefixes.push_back(*parse_prefix("198.51.100.0/24"));
    drop.ports.emplace_back(std::uint16_t{443}, std::uint16_t{443});
    drop.ingress = false;
    drop.drop = true;
    big.amounts[L7_AMOUNT_PACKETS] = Range{3, ~0ULL, false};
    big.classid = 0x10040;
    rest.classid = 0x10050;
    REQUIRE(state.kernel->rules().set(tables_of({drop, big, rest}, knowledge), {}, {}));

    const auto class_of = [&](const Buffer &packet, l7_hook hook, int answer = -1) {
        __sk_buff skb{};
        skb.priority = 7;
        programs.run(packet, hook, &skb, answer);
        return skb.priority;
    };
    const Buffer there = build(Packet{});
    CHECK(class_of(there, L7_INGRESS) == 0x10050);
    CHECK(class_of(there, L7_EGRESS, 2) == 7); // to 198.51.100.1 port 443: TC_ACT_SHOT
    CHECK(state.kernel->counters()->rules_dropped == 1);
    const Buffer other = [] {
        Packet packet;
        packet.dport = 80;
        return build(packet);
    }();
    CHECK(class_of(other, L7_EGRESS) == 0x10050);
    CHECK(class_of(other, L7_EGRESS) == 0x10050);
    // The third packet, or the first after that in another tick of the clock.
    unsigned packets = 0;
    while (class_of(other, L7_EGRESS) != 0x10040 && packets < 100'000)
        packets++;
    CHECK(packets < 100'000);
}

TEST_CASE("a mark writes the bits of its own mask") {
    State state;
    const Programs programs(state);
    Rule rule = everything();
    rule.mark = 0x100;
    rule.mark_mask = 0x300;
    REQUIRE(state.kernel->rules().set(tables_of({rule}, knowledge_of({})), {}, {}));
    __sk_buff skb{};
    skb.mark = 0xffffffff;
    programs.run(udp(), L7_EGRESS, &skb);
    CHECK(skb.mark == 0xfffffdff);
}

TEST_CASE("DSCP is written, with IPv4's checksum, and ECN is left alone") {
    State state;
    const Programs programs(state);
    Rule rule = everything();
    rule.set_dscp = 46;
    REQUIRE(state.kernel->rules().set(tables_of({rule}, knowledge_of({})), {}, {}));

    for (const unsigned before : {0x00U, 0x03U, 0xb8U, 0x29U}) {
        INFO(before);
        const auto field = static_cast<std::uint8_t>(before);
        Buffer packet = udp(field), after;
        seal(packet);
        programs.run(packet, L7_EGRESS, nullptr, -1, &after);
        REQUIRE(after.size() == packet.size());
        CHECK(after[15] == (0xb8 | (before & 3)));
        CHECK(header_sum(after) == 0);
        after[15] = packet[15];
        after[24] = packet[24];
        after[25] = packet[25];
        CHECK(after == packet);

        packet = udp(field, "2001:db8::1", "2001:db8::2");
        programs.run(packet, L7_EGRESS, nullptr, -1, &after);
        REQUIRE(after.size() == packet.size());
        CHECK(after[14] == 0x6b);
        CHECK(after[15] == (0x80 | (before & 3) << 4));
        after[14] = packet[14];
        after[15] = packet[15];
        CHECK(after == packet);
    }
    CHECK(state.kernel->counters()->dscp_failed == 0);
}

TEST_CASE("rules ask for the DSCP of each packet") {
    State state;
    const Programs programs(state);
    Rule marked = everything(), rest = everything();
    marked.dscps = {46, 34};
    marked.classid = 0x10010;
    rest.classid = 0x10020;
    REQUIRE(state.kernel->rules().set(tables_of({marked, rest}, knowledge_of({})), {}, {}));
    for (const bool six : {false, true})
        for (const auto &[traffic_class, classid] :
             {std::pair{0xb9, 0x10010U}, {0x88, 0x10010U}, {0x00, 0x10020U}, {0x04, 0x10020U}}) {
            INFO(six << ' ' << traffic_class);
            __sk_buff skb{};
            programs.run(udp(static_cast<std::uint8_t>(traffic_class),
                             six ? "2001:db8::1" : "192.0.2.1",
                             six ? "2001:db8::2" : "198.51.100.1"),
                         L7_EGRESS, &skb);
            CHECK(skb.priority == classid);
        }
}

TEST_CASE("classes, rules and applications are accounted for") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    Rule named, rest = everything();
    named.protocols = {"ssh"};
    named.classid = 0x10010;
    rest.classid = 0x10020;
    const Knowledge knowledge = knowledge_of({{"ssh", {}}});
    REQUIRE(state.kernel->rules().set(tables_of({named, rest}, knowledge), {}, {}));
    const Buffer packet = udp();
    for (unsigned i = 0; i < 3; i++)
        programs.run(packet, L7_EGRESS);
    judge(state, worker, knowledge.protocols->find("ssh"), 7);
    for (unsigned i = 0; i < 2; i++)
        programs.run(packet, L7_EGRESS);

    const auto classes = state.kernel->accounts().classes();
    REQUIRE(classes.size() == 2);
    for (const ClassRow &row : classes) {
        CHECK(row.attach == L7_EGRESS);
        CHECK(row.hits.packets == (row.classid == 0x10010 ? 2 : 3));
        CHECK(row.hits.bytes == row.hits.packets * packet.size());
    }
    const auto hits = state.kernel->rules().hits();
    CHECK(hits[0].packets == 2);
    CHECK(hits[1].bytes == 3 * packet.size());
    const auto applications = state.kernel->accounts().applications();
    REQUIRE(applications.size() == 1);
    CHECK(applications[0].number == 7);
    CHECK(applications[0].account.packets == 2);
    CHECK(applications[0].account.flows == 1);

    // Rules that come into force begin at none; classes go on.
    REQUIRE(state.kernel->rules().set(tables_of({rest, named}, knowledge), {}, {}));
    programs.run(packet, L7_EGRESS);
    CHECK(state.kernel->rules().hits()[0].packets == 1);
    for (const ClassRow &row : state.kernel->accounts().classes())
        CHECK(row.hits.packets == (row.classid == 0x10010 ? 2 : 4));
    REQUIRE(state.kernel->accounts().clear(0));
    CHECK(state.kernel->accounts().classes().empty());
    CHECK(state.kernel->accounts().applications().empty());
}

TEST_CASE("XDP drops what a rule drops once the flow is judged, and counts it") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    const std::unique_ptr<xdp_bpf, void (*)(xdp_bpf *)> xdp{xdp_bpf__open(), xdp_bpf__destroy};
    REQUIRE(xdp);
    REQUIRE(state.kernel->share_maps(xdp->obj));
    REQUIRE(xdp_bpf__load(xdp.get()) == 0);
    const auto run = [&](const Buffer &packet) {
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(),
                    .data_size_in = static_cast<__u32>(packet.size()));
        REQUIRE(bpf_prog_test_run_opts(bpf_program__fd(xdp->progs.l7_xdp), &options) == 0);
        return options.retval;
    };
    Rule drop;
    drop.protocols = {"ssh"};
    drop.drop = true;
    const Knowledge knowledge = knowledge_of({{"ssh", {}}});
    const Buffer packets[] = {udp(), udp(0, "2001:db8::1", "2001:db8::2")};

    REQUIRE(state.kernel->rules().set(tables_of({drop}, knowledge), {}, {}));
    for (const Buffer &packet : packets) {
        CHECK(run(packet) == XDP_PASS); // nothing is known of it
        programs.run(packet);
    }
    judge(state, worker, knowledge.protocols->find("ssh"));
    for (const Buffer &packet : packets)
        CHECK(run(packet) == XDP_DROP);
    CHECK(state.kernel->counters()->xdp_dropped == 2);
    CHECK(state.kernel->counters()->rules_dropped == 2);
    CHECK(state.kernel->rules().hits()[0].packets == 2);
    CHECK(account_of(state, L7_INGRESS, knowledge.protocols->find("ssh")).packets == 2);
    for (const l7_flow_entry &entry : flows_in(state, FlowTables::Table::Flows))
        CHECK(entry.flow.packets[0] == 2);

    state.kernel->set_bypass(true);
    CHECK(run(packets[0]) == XDP_PASS);
    state.kernel->set_bypass(false);
    drop.ingress = false; // at egress only, where no XDP is
    REQUIRE(state.kernel->rules().set(tables_of({drop}, knowledge), {}, {}));
    CHECK(run(packets[0]) == XDP_PASS);
    drop.ingress.reset();
    drop.amounts[L7_AMOUNT_PACKETS] = Range{10, ~0ULL, false}; // so much may pass
    REQUIRE(state.kernel->rules().set(tables_of({drop}, knowledge), {}, {}));
    CHECK(run(packets[0]) == XDP_PASS);
    REQUIRE(state.kernel->rules().set(tables_of({}, knowledge), {}, {}));
    CHECK(run(packets[0]) == XDP_PASS);
}
