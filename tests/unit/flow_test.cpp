// SPDX-License-Identifier: GPL-2.0-or-later
#include <l7ctl/step.h>

#include <catch2/catch_test_macros.hpp>

namespace {

constexpr std::uint32_t kPackets = 10, kBytes = 4096;

l7_settings limits() {
    l7_settings out{};
    out.sample_packets = kPackets;
    out.sample_bytes = kBytes;
    out.second = 1000;
    return out;
}

/// A TCP flow that is driven packet by packet.
struct Tcp {
    l7_flow flow{};
    l7_sample last{};
    l7_pass pass{};
    l7_packet &packet = pass.packet;

    explicit Tcp(bool handshake = true) {
        packet.key.l4 = L7_IPPROTO_TCP;
        if (handshake) {
            make(0, 100, L7_TCP_SYN);
            l7_flow_begin(&flow, &packet, 1);
            step(0, 100, L7_TCP_SYN, 0);
            step(1, 500, L7_TCP_SYN | L7_TCP_ACK, 0);
        } else {
            make(0, 100, L7_TCP_ACK);
            l7_flow_begin(&flow, &packet, 1);
        }
    }

    void make(unsigned from, std::uint32_t seq, std::uint8_t flags) {
        packet.from = static_cast<std::uint8_t>(from);
        packet.seq = seq;
        packet.tcp_flags = flags;
    }

    l7_sample_kind step(unsigned from, std::uint32_t seq, std::uint8_t flags, std::uint32_t size,
                        bool room = true) {
        make(from, seq, flags);
        packet.payload_size = size;
        const std::uint32_t way = pass.direction = l7_flow_direction(&flow, &packet);
        l7_flow_count(&flow, way, 1, size, 1, 1000);
        const int ends = l7_flow_note_flags(&flow, &packet, way);
        const l7_settings set = limits();
        const auto kind = l7_flow_sample(&flow, &pass, ends, &set, &last);
        if (kind == L7_SAMPLE_TAKE) {
            if (room)
                l7_flow_sampled(&flow, way, &last);
            else
                l7_flow_sample_lost(&flow, way, &last);
        }
        return kind;
    }
};

} // namespace

TEST_CASE("payload is taken in order from the first byte") {
    Tcp tcp;
    CHECK(tcp.step(0, 101, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.offset == 0);
    CHECK(tcp.last.size == 10);
    CHECK(tcp.step(0, 111, L7_TCP_ACK, 20) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.offset == 10);
    CHECK(tcp.step(1, 501, L7_TCP_ACK, 5) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.offset == 0);
    CHECK((tcp.last.flags & L7_R_MIDSTREAM) == 0);
}

TEST_CASE("retransmissions give nothing, overlaps their new part, early segments their place") {
    Tcp tcp;
    tcp.step(0, 101, L7_TCP_ACK, 10);
    CHECK(tcp.step(0, 101, L7_TCP_ACK, 10) == L7_SAMPLE_RETRANSMITTED);
    CHECK(tcp.step(0, 106, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.offset == 10);
    CHECK(tcp.last.skip == 5);
    CHECK(tcp.last.size == 5);
    CHECK(tcp.step(0, 200, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.offset == 99);
    CHECK(tcp.flow.next[0] == 15);
    CHECK(tcp.step(0, 100, L7_TCP_ACK, 1) == L7_SAMPLE_RETRANSMITTED); // keepalive
}

TEST_CASE("a number half the circle away is no new payload, and harms nothing") {
    Tcp tcp;
    CHECK(tcp.step(0, 101 + 0x80000001U, L7_TCP_ACK, 2048) == L7_SAMPLE_RETRANSMITTED);
    CHECK(tcp.step(0, 101 + 0x7ffffff0U, L7_TCP_ACK, 2048) == L7_SAMPLE_NONE); // beyond the limits
    CHECK(tcp.flow.next[0] == 0);
    tcp.flow.flags |= L7_F_LISTEN;
    CHECK(tcp.step(0, 101 + 0x7ffffff0U, L7_TCP_ACK, 2048) == L7_SAMPLE_TAKE);
}

TEST_CASE("sequence numbers wrap") {
    Tcp tcp;
    tcp.flow = {};
    tcp.make(0, 0xfffffffe, L7_TCP_SYN);
    l7_flow_begin(&tcp.flow, &tcp.packet, 1);
    tcp.step(0, 0xfffffffe, L7_TCP_SYN, 0);
    CHECK(tcp.step(0, 0xffffffff, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.offset == 0);
    CHECK(tcp.step(0, 9, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.offset == 10);
}

TEST_CASE("a SYN may carry payload (RFC 7413)") {
    Tcp tcp;
    tcp.flow = {};
    tcp.make(0, 7, L7_TCP_SYN);
    l7_flow_begin(&tcp.flow, &tcp.packet, 1);
    CHECK(tcp.step(0, 7, L7_TCP_SYN, 4) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.offset == 0);
    CHECK(tcp.last.size == 4);
}

TEST_CASE("the initiator is the sender of the SYN, however it is seen") {
    l7_flow flow;
    l7_packet packet{};
    packet.key.l4 = L7_IPPROTO_TCP;
    packet.from = 1;
    packet.tcp_flags = L7_TCP_SYN;
    l7_flow_begin(&flow, &packet, 1);
    CHECK(l7_flow_direction(&flow, &packet) == 0);
    packet.tcp_flags = L7_TCP_SYN | L7_TCP_ACK;
    l7_flow_begin(&flow, &packet, 1);
    CHECK(l7_flow_direction(&flow, &packet) == 1);
    CHECK((flow.flags & L7_F_MIDSTREAM) == 0);
}

TEST_CASE("a connection that was running is mid-stream") {
    Tcp tcp(false);
    CHECK(tcp.step(0, 1000, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.offset == 0);
    CHECK((tcp.last.flags & L7_R_MIDSTREAM) != 0);
    CHECK((tcp.last.flags & L7_R_ONE_SIDED) != 0);
}

TEST_CASE("the byte limit ends a direction and, with a silent peer, the sampling") {
    Tcp tcp;
    CHECK(tcp.step(0, 101, L7_TCP_ACK, 5000) == L7_SAMPLE_TAKE);
    CHECK(tcp.last.size == 4096);
    CHECK((tcp.last.flags & L7_R_CUT) != 0);
    CHECK((tcp.last.flags & L7_R_LAST) != 0);
    CHECK(tcp.last.limit == L7_LIMIT_BYTES);
    CHECK(tcp.step(0, 5101, L7_TCP_ACK, 100) == L7_SAMPLE_NONE);
}

TEST_CASE("the packet limit counts payload packets per direction") {
    Tcp tcp;
    std::uint32_t seq = 101;
    tcp.step(1, 501, L7_TCP_ACK, 1); // the peer speaks too
    for (unsigned i = 0; i < kPackets; i++, seq++) {
        CHECK(tcp.step(0, seq, L7_TCP_ACK, 1) == L7_SAMPLE_TAKE);
        CHECK((tcp.last.flags & L7_R_LAST) == 0);
    }
    // Nothing more is copied, until the direction has gone twice as far.
    unsigned quiet = 0;
    while (tcp.step(0, seq++, L7_TCP_ACK, 1) == L7_SAMPLE_NONE)
        REQUIRE(++quiet < 100);
    CHECK(quiet == kPackets - 1);
    CHECK((tcp.last.flags & L7_R_LAST) != 0);
    CHECK(tcp.last.size == 0);
}

TEST_CASE("a lost record leaves a hole and the next packet tries again") {
    Tcp tcp;
    CHECK(tcp.step(0, 101, L7_TCP_ACK, 10, false) == L7_SAMPLE_TAKE);
    CHECK(tcp.step(0, 111, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
    CHECK((tcp.last.flags & L7_R_LOST) != 0);
    CHECK(tcp.last.offset == 10);
    CHECK(tcp.step(0, 101, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE); // retransmitted after all
    CHECK(tcp.last.offset == 0);
}

TEST_CASE("a flow that is listened to late is told once that bytes were passed over") {
    const auto limited = [](Tcp &tcp) {
        SECTION("by the bytes of one packet") {
            tcp.step(0, 101, L7_TCP_ACK, 5000);
            return 5101U;
        }
        SECTION("by all of a packet beyond the bytes") {
            tcp.step(0, 101, L7_TCP_ACK, 4096);
            tcp.step(0, 4197, L7_TCP_ACK, 10);
            return 4207U;
        }
        SECTION("by the number of packets") {
            tcp.step(1, 501, L7_TCP_ACK, 1);
            std::uint32_t seq = 101;
            for (unsigned i = 0; i < 3 * kPackets; i++)
                tcp.step(0, seq++, L7_TCP_ACK, 1);
            return seq;
        }
        return 0U;
    };
    Tcp tcp;
    const std::uint32_t seq = limited(tcp);
    if (seq == 0)
        return;
    tcp.flow.flags |= L7_F_LISTEN;
    CHECK(tcp.step(0, seq, L7_TCP_ACK, 10, false) == L7_SAMPLE_TAKE); // and no room for it
    CHECK(tcp.step(0, seq + 10, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
    CHECK((tcp.last.flags & L7_R_LOST) != 0);
    CHECK(tcp.last.offset == seq + 10 - 101);
    CHECK(tcp.step(0, seq + 20, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
    CHECK((tcp.last.flags & L7_R_LOST) == 0);
    CHECK(tcp.last.offset == seq + 20 - 101);
    CHECK(tcp.step(0, seq + 20, L7_TCP_ACK, 10) == L7_SAMPLE_RETRANSMITTED);
    CHECK((tcp.flow.flags & (L7_F_LOST_0 | L7_F_LOST_1)) == 0);
}

TEST_CASE("a flow is listened to beyond 4 GiB") {
    Tcp tcp;
    tcp.flow.flags |= L7_F_LISTEN;
    for (const std::uint32_t passed : {0x7fffffffU, 0xfffffffaU}) {
        tcp.flow.next[0] = passed;
        CHECK(tcp.step(0, 101 + passed, L7_TCP_ACK, 10) == L7_SAMPLE_TAKE);
        CHECK(tcp.last.offset == passed);
        CHECK(tcp.last.size == 10);
        CHECK(tcp.flow.next[0] == passed + 10);
        CHECK(tcp.step(0, 101 + passed, L7_TCP_ACK, 10) == L7_SAMPLE_RETRANSMITTED);
    }
}

TEST_CASE("FIN and RST are told once") {
    Tcp tcp;
    CHECK(tcp.step(0, 101, L7_TCP_ACK | L7_TCP_FIN, 0) == L7_SAMPLE_TAKE);
    CHECK((tcp.last.flags & L7_R_END) != 0);
    CHECK((tcp.last.flags & L7_R_RESET) == 0);
    CHECK(tcp.step(0, 101, L7_TCP_ACK | L7_TCP_FIN, 0) == L7_SAMPLE_NONE);
    CHECK(tcp.step(1, 501, L7_TCP_RST, 20) == L7_SAMPLE_TAKE);
    CHECK((tcp.last.flags & L7_R_RESET) != 0);
    CHECK(tcp.last.size == 0); // nothing is taken from a RST
}

TEST_CASE("a SYN begins anew only where the flow has ended") {
    Tcp tcp;
    tcp.make(0, 9000, L7_TCP_SYN);
    CHECK_FALSE(l7_flow_restarts(&tcp.flow, &tcp.packet));
    tcp.step(0, 101, L7_TCP_FIN, 0);
    tcp.make(0, 9000, L7_TCP_SYN);
    CHECK(l7_flow_restarts(&tcp.flow, &tcp.packet));
    tcp.make(0, 9000, L7_TCP_SYN | L7_TCP_ACK);
    CHECK_FALSE(l7_flow_restarts(&tcp.flow, &tcp.packet));
}

TEST_CASE("one attachment point counts a direction, until it falls silent") {
    l7_flow flow{};
    flow.seen[0] = 100;
    CHECK(l7_flow_owned(&flow, 0, 4, 100, 500));
    CHECK_FALSE(l7_flow_owned(&flow, 0, 7, 110, 500));
    CHECK(l7_flow_owned(&flow, 1, 7, 110, 500)); // the other direction has its own
    CHECK(l7_flow_owned(&flow, 0, 7, 601, 500));
    CHECK_FALSE(l7_flow_owned(&flow, 0, 4, 602, 10000));
}

TEST_CASE("flows expire by their kind") {
    const l7_timeouts limits{1000, 100, 10, 50, 20, 30, 60, 5};
    l7_flow flow{};
    flow.packets[0] = 1;
    CHECK_FALSE(l7_flow_expired(&flow, 6, &limits, 100));
    CHECK(l7_flow_expired(&flow, 6, &limits, 101));
    CHECK(l7_flow_expired(&flow, 17, &limits, 21));
    flow.packets[1] = 1;
    CHECK_FALSE(l7_flow_expired(&flow, 6, &limits, 1000));
    CHECK_FALSE(l7_flow_expired(&flow, 17, &limits, 50));
    CHECK(l7_flow_expired(&flow, 17, &limits, 51));
    CHECK(l7_flow_expired(&flow, 1, &limits, 31));
    CHECK(l7_flow_expired(&flow, 47, &limits, 61));
    flow.flags = L7_F_FIN_0;
    CHECK_FALSE(l7_flow_expired(&flow, 6, &limits, 900));
    flow.flags = L7_F_FIN_0 | L7_F_FIN_1;
    CHECK(l7_flow_expired(&flow, 6, &limits, 11));
    flow.flags = L7_F_RST;
    CHECK(l7_flow_expired(&flow, 6, &limits, 11));
    flow.flags = L7_F_MOVED;
    CHECK(l7_flow_expired(&flow, 6, &limits, 6));
    flow.flags = 0;
    flow.seen[0] = flow.seen[1] = 5; // later than the clock that was read
    CHECK_FALSE(l7_flow_expired(&flow, 17, &limits, 4));
}

TEST_CASE("datagrams follow one another") {
    l7_flow flow;
    l7_pass pass{};
    l7_sample sample;
    const l7_settings set = limits();
    pass.packet.key.l4 = L7_IPPROTO_UDP;
    pass.packet.payload_size = 100;
    l7_flow_begin(&flow, &pass.packet, 1);
    CHECK(l7_flow_sample(&flow, &pass, 0, &set, &sample) == L7_SAMPLE_TAKE);
    CHECK(sample.offset == 0);
    l7_flow_sampled(&flow, 0, &sample);
    CHECK(l7_flow_sample(&flow, &pass, 0, &set, &sample) == L7_SAMPLE_TAKE);
    CHECK(sample.offset == 100);
    pass.packet.payload_size = 0;
    CHECK(l7_flow_sample(&flow, &pass, 0, &set, &sample) == L7_SAMPLE_NONE);
}
