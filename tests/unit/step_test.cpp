// SPDX-License-Identifier: GPL-2.0-or-later
// One packet at its flow: counted, held against its windows, sampled, and told in a record.
#include <l7ctl/step.h>

#include <catch2/catch_test_macros.hpp>

#include <array>

namespace {

constexpr std::uint32_t kNow = 5000;

/// A flow of end 1 to end 0, and what steps it takes.
struct Steps {
    l7_flow flow{};
    l7_pass pass{};
    l7_settings set{};
    l7_counters counters{};
    l7_sample sample{};

    explicit Steps(std::uint8_t l4 = L7_IPPROTO_UDP) {
        set.sample_packets = 10;
        set.sample_bytes = 4096;
        set.second = 1000;
        set.handover_ticks = 100;
        pass.packet.key.l4 = l4;
        pass.packet.from = 1;
        pass.packet.payload_size = 300;
        pass.packets = 1;
        pass.bytes = 342;
        pass.attach = 3;
        pass.now = kNow;
        l7_flow_begin(&flow, &pass.packet, kNow);
    }

    bool plain() { return l7_step_count(&flow, &pass, &set) != 0; }
    l7_sample_kind rest() {
        const l7_tcp_options said{};
        return l7_step_rest(&flow, &pass, &said, &set, &counters, &sample);
    }
    void segment(std::uint8_t from, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack,
                 std::uint32_t size) {
        pass.packet.from = from;
        pass.packet.tcp_flags = flags;
        pass.packet.seq = seq;
        pass.packet.ack = ack;
        pass.packet.window = 1000;
        pass.packet.payload_size = size;
    }
    /// A connection that both ends have answered in.
    void open() {
        segment(1, L7_TCP_SYN, 100, 0, 0);
        l7_flow_begin(&flow, &pass.packet, kNow);
        for (const int step : {0, 1, 2}) {
            if (step == 1)
                segment(0, L7_TCP_SYN | L7_TCP_ACK, 500, 101, 0);
            if (step == 2)
                segment(1, L7_TCP_ACK, 101, 501, 0);
            REQUIRE_FALSE(plain());
            rest();
        }
        REQUIRE((flow.flags & L7_F_REPLIED));
    }
};

} // namespace

TEST_CASE("a packet of a flow of which nothing is wanted is counted, and that is all") {
    Steps s;
    s.flow.protocol = L7_UNKNOWN;
    CHECK(s.plain());
    CHECK(s.flow.packets[0] == 1);
    CHECK(s.flow.bytes[0] == 342);
    CHECK(s.flow.owner[0] == 4);
    CHECK(s.pass.direction == 0);
    CHECK(s.pass.stale == 0);
    s.pass.now++;
    CHECK(s.plain());
    CHECK(s.pass.stale == 1);
}

TEST_CASE("a packet at an attachment point that does not own the direction changes nothing") {
    Steps s;
    CHECK_FALSE(s.plain());
    s.pass.attach = 7;
    s.pass.now++;
    CHECK(s.plain());
    CHECK(s.pass.stale == 0);
    CHECK(s.flow.packets[0] == 1);
    CHECK(s.flow.seen[0] == kNow);
}

TEST_CASE("nobody owns what a capture shows") {
    Steps s;
    s.pass.attach = L7_NOWHERE;
    CHECK_FALSE(s.plain());
    CHECK(s.flow.packets[0] == 1);
    CHECK(s.flow.owner[0] == 0);
}

TEST_CASE("a plain segment is taken at once where nothing is wanted, any other in the rest") {
    Steps s(L7_IPPROTO_TCP);
    s.open();
    s.flow.protocol = L7_PROTOCOL_FIRST;
    s.segment(1, L7_TCP_ACK, 101, 501, 50);
    CHECK(s.plain());
    CHECK(s.flow.tcp[0].end == 151);

    SECTION("one that ends its direction") {
        s.segment(1, L7_TCP_ACK | L7_TCP_FIN, 151, 501, 0);
        CHECK_FALSE(s.plain());
        CHECK(s.rest() == L7_SAMPLE_NONE);
        CHECK((s.flow.flags & L7_F_ENDED) == L7_F_FIN_0);
    }
    SECTION("one that fits no window is counted, and not sampled though its payload is wanted") {
        s.flow.flags |= L7_F_FOLLOW;
        s.segment(1, L7_TCP_ACK, 900'000, 501, 50);
        CHECK_FALSE(s.plain());
        CHECK(s.rest() == L7_SAMPLE_NONE);
        CHECK(s.counters.tcp_beyond == 1);
        CHECK(s.flow.packets[0] == 4);
    }
    SECTION("one whose payload is wanted") {
        s.flow.flags |= L7_F_FOLLOW;
        s.segment(1, L7_TCP_ACK, 151, 501, 50);
        CHECK_FALSE(s.plain());
        CHECK(s.rest() == L7_SAMPLE_TAKE);
        CHECK(s.sample.offset == 50);
    }
    SECTION("a later fragment has no header to look at, and nothing is taken of it") {
        s.segment(1, L7_TCP_ACK, 900'000, 501, 50);
        s.pass.packet.fragment = L7_FRAGMENT_LATER;
        CHECK(s.plain());
        s.flow.flags |= L7_F_FOLLOW;
        CHECK_FALSE(s.plain());
        CHECK(s.rest() == L7_SAMPLE_NONE);
        CHECK(s.counters.tcp_beyond == 0);
    }
}

TEST_CASE("the limit that ends the sampling is counted by its name") {
    Steps packets, bytes;
    packets.set.sample_packets = 1;
    bytes.set.sample_bytes = 100;
    for (Steps *s : {&packets, &bytes}) {
        REQUIRE_FALSE(s->plain());
        REQUIRE(s->rest() == L7_SAMPLE_TAKE);
        CHECK((s->sample.flags & L7_R_LAST));
    }
    CHECK(packets.counters.limit_packets == 1);
    CHECK(packets.counters.limit_bytes == 0);
    CHECK(bytes.counters.limit_packets == 0);
    CHECK(bytes.counters.limit_bytes == 1);
}

TEST_CASE("a record without room is counted as lost, and leaves a hole") {
    Steps s;
    REQUIRE_FALSE(s.plain());
    REQUIRE(s.rest() == L7_SAMPLE_TAKE);
    l7_step_recorded(&s.flow, &s.pass, &s.sample, &s.counters, 0);
    CHECK(s.counters.records_lost == 1);
    CHECK((s.flow.flags & L7_F_LOST_0));
    l7_step_recorded(&s.flow, &s.pass, &s.sample, &s.counters, 1);
    CHECK(s.counters.records == 1);
    CHECK(s.flow.next[0] == 300);
}

TEST_CASE("a record says whose sample it is") {
    Steps s;
    s.pass.gso_size = 200; // several datagrams in one packet
    s.flow.born = 77;
    REQUIRE_FALSE(s.plain());
    REQUIRE(s.rest() == L7_SAMPLE_TAKE);
    l7_record head;
    l7_record_fill(&head, L7_RECORD_SAMPLE, &s.flow, &s.pass, &s.sample, 9);
    CHECK(head.kind == L7_RECORD_SAMPLE);
    CHECK(head.time_ns == 9);
    CHECK(head.hash == l7_key_hash(&s.pass.packet.key));
    CHECK(head.born == 77);
    CHECK(head.packet == 1);
    CHECK(head.size == 200);
    CHECK(head.wire_size == 200);
    CHECK(head.direction == 0);
    CHECK(head.flags == (L7_R_INITIATOR_1 | L7_R_ONE_SIDED));
    CHECK(head.protocol == L7_UNSET);

    l7_flow_presume(&s.flow, L7_PROTOCOL_FIRST, 0);
    s.flow.packets[1] = 70'000;
    l7_record_fill(&head, L7_RECORD_SAMPLE, &s.flow, &s.pass, &s.sample, 9);
    CHECK(head.protocol == L7_UNSET); // a presumption is no verdict
    CHECK(head.packet == 0xffff);
}

TEST_CASE("a record tells of an announced flow") {
    Steps s;
    l7_expectation expectation{};
    expectation.id = 12;
    expectation.protocol = L7_PROTOCOL_FIRST;
    l7_flow_expect(&s.flow, &expectation);
    l7_record head;
    l7_record_fill(&head, L7_RECORD_EXPECTED, &s.flow, &s.pass, nullptr, 9);
    CHECK(head.kind == L7_RECORD_EXPECTED);
    CHECK(head.offset == 12);
    CHECK(head.packet == 1);
    CHECK(head.size == 0);
    CHECK(head.flags == L7_R_INITIATOR_1);
    CHECK(head.protocol == L7_PROTOCOL_FIRST);
}

TEST_CASE("a verdict ends a presumption, also where the flow is followed") {
    for (const std::uint8_t flags : std::array<std::uint8_t, 3>{0, L7_V_FOLLOW, L7_V_LISTEN}) {
        Steps s;
        l7_flow_presume(&s.flow, L7_PROTOCOL_FIRST, 0);
        l7_verdict verdict{};
        verdict.protocol = L7_PROTOCOL_FIRST;
        verdict.flags = flags;
        l7_flow_judged(&s.flow, &verdict);
        CHECK((s.flow.flags & L7_F_PROVISIONAL) == 0);
        CHECK((l7_flow_wanted(&s.flow) != 0) == (flags != 0));
    }
}
