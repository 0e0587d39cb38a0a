// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/key.hpp"
#include "support/packets.hpp"

#include <l7ctl/packet.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace l7;
using namespace l7::test;

namespace {

struct Parsed {
    l7_parse result;
    l7_packet packet;
    l7_fragment_key datagram;
};

Parsed parse(Buffer bytes, bool l3 = false, std::uint32_t wire = 0) {
    Parsed out{};
    bytes.reserve(1); // a packet without bytes lies somewhere, too
    out.result = l7_parse_packet(bytes.data(), bytes.data() + bytes.size(),
                                 wire ? wire : static_cast<std::uint32_t>(bytes.size()), l3,
                                 &out.packet, &out.datagram);
    return out;
}

Packet ipv6_packet() {
    Packet out;
    out.source = "2001:db8::1";
    out.target = "2001:db8::2";
    return out;
}

} // namespace

TEST_CASE("both directions have one key") {
    Packet forth = GENERATE(Packet{}, ipv6_packet());
    forth.payload = bytes_of("hello");
    Packet back = forth;
    std::swap(back.source, back.target);
    std::swap(back.sport, back.dport);

    const Parsed a = parse(build(forth)), b = parse(build(back));
    REQUIRE(a.result == L7_PARSE_OK);
    REQUIRE(b.result == L7_PARSE_OK);
    CHECK(KeyEqual{}(a.packet.key, b.packet.key));
    CHECK(a.packet.from != b.packet.from);
    const End end = end_of(a.packet.key, a.packet.from);
    CHECK(end.address == forth.source);
    CHECK(end.port == forth.sport);
    CHECK(a.packet.payload_size == 5);
}

TEST_CASE("what stands before IP is stepped over") {
    Packet packet = GENERATE(Packet{}, ipv6_packet());
    packet.l4 = GENERATE(std::uint8_t{6}, std::uint8_t{17}, std::uint8_t{132});
    packet.payload = bytes_of("payload");
    const auto shape = GENERATE(0, 1, 2, 3, 4, 5);
    switch (shape) {
    case 1:
        packet.vlans = {{0x8100, 10}};
        break;
    case 2:
        packet.vlans = {{0x88a8, 10}, {0x8100, 20}};
        break;
    case 3:
        packet.pppoe = true;
        break;
    case 4:
        packet.vlans = {{0x8100, 10}};
        packet.pppoe = true;
        break;
    case 5:
        packet.ethernet = false;
        break;
    default:
        break;
    }
    const Buffer bytes = build(packet);
    const Parsed parsed = parse(bytes, !packet.ethernet);
    REQUIRE(parsed.result == L7_PARSE_OK);
    CHECK(parsed.packet.key.l4 == packet.l4);
    CHECK(parsed.packet.payload_size == 7);
    CHECK(Buffer(bytes.begin() + parsed.packet.payload, bytes.end()) == packet.payload);
}

TEST_CASE("options and extension headers are honoured, link padding is not payload") {
    Packet packet;
    packet.ip_options = 8;
    packet.tcp_options = 12;
    packet.payload = bytes_of("x");
    packet.padding = 5;
    const Parsed four = parse(build(packet));
    REQUIRE(four.result == L7_PARSE_OK);
    CHECK(four.packet.payload == 14 + 28 + 32);
    CHECK(four.packet.payload_size == 1);

    Packet six = ipv6_packet();
    six.extensions = {0, 60, 43};
    six.payload = bytes_of("abc");
    const Parsed parsed = parse(build(six));
    REQUIRE(parsed.result == L7_PARSE_OK);
    CHECK(parsed.packet.key.l4 == 6);
    CHECK(parsed.packet.payload_size == 3);
}

TEST_CASE("TCP fields are in host order") {
    Packet packet;
    packet.seq = 0x01020304;
    packet.ack = 0x05060708;
    packet.flags = 0x12;
    const Parsed parsed = parse(build(packet));
    CHECK(parsed.packet.seq == 0x01020304);
    CHECK(parsed.packet.ack == 0x05060708);
    CHECK(parsed.packet.tcp_flags == 0x12);
}

TEST_CASE("fragments belong to their datagram") {
    Packet packet = GENERATE(Packet{}, ipv6_packet());
    packet.l4 = 17;
    packet.fragment_id = 77;
    packet.more_fragments = true;
    packet.payload = Buffer(64);
    const Parsed first = parse(build(packet));
    REQUIRE(first.result == L7_PARSE_OK);
    CHECK(first.packet.fragment == L7_FRAGMENT_FIRST);

    packet.fragment_offset = 9;
    packet.more_fragments = false;
    Parsed later = parse(build(packet));
    REQUIRE(later.result == L7_PARSE_FRAGMENT);
    CHECK(std::memcmp(&first.datagram, &later.datagram, sizeof(first.datagram)) == 0);
    const l7_fragment ports = l7_fragment_of(&first.packet);
    l7_fragment_apply(&later.packet, &later.datagram, &ports);
    CHECK(KeyEqual{}(first.packet.key, later.packet.key));
    CHECK(first.packet.from == later.packet.from);

    packet.fragment_id = 78;
    const Parsed other = parse(build(packet));
    CHECK(std::memcmp(&first.datagram, &other.datagram, sizeof(first.datagram)) != 0);
}

TEST_CASE("a protocol without ports is a flow of its own") {
    Packet packet;
    packet.l4 = GENERATE(std::uint8_t{1}, std::uint8_t{47}, std::uint8_t{50}, std::uint8_t{200});
    packet.payload = Buffer(20, 0xff);
    const Parsed parsed = parse(build(packet));
    REQUIRE(parsed.result == L7_PARSE_OK);
    CHECK(parsed.packet.key.port[0] == 0);
    CHECK(parsed.packet.key.port[1] == 0);
    CHECK(parsed.packet.payload_size == 20);
}

TEST_CASE("malformed packets are told apart") {
    Packet packet;
    packet.payload = bytes_of("hello world");

    SECTION("not IP") {
        packet.ethertype = 0x0806;
        CHECK(parse(build(packet)).result == L7_PARSE_NOT_IP);
    }
    SECTION("MPLS") {
        packet.ethertype = 0x8847;
        CHECK(parse(build(packet)).result == L7_PARSE_MPLS);
    }
    SECTION("IP length beyond the packet") {
        packet.length_error = 1;
        CHECK(parse(build(packet)).result == L7_PARSE_BAD_IP_LENGTH);
    }
    SECTION("IP length below the header") {
        packet.length_error = -60;
        CHECK(parse(build(packet)).result != L7_PARSE_OK);
    }
    SECTION("header length below 20") {
        Buffer bytes = build(packet);
        bytes[14] = 0x44;
        CHECK(parse(bytes).result == L7_PARSE_BAD_IP_LENGTH);
    }
    SECTION("another version") {
        Buffer bytes = build(packet);
        bytes[14] = 0x65;
        CHECK(parse(bytes).result == L7_PARSE_BAD_VERSION);
    }
    SECTION("TCP data offset") {
        Buffer bytes = build(packet);
        bytes[14 + 20 + 12] = GENERATE(std::uint8_t{0x00}, std::uint8_t{0x40}, std::uint8_t{0xf0});
        CHECK(parse(bytes).result == L7_PARSE_BAD_TCP_OFFSET);
    }
    SECTION("UDP length") {
        packet.l4 = 17;
        Buffer bytes = build(packet);
        bytes[14 + 20 + 5] = 7;
        CHECK(parse(bytes).result == L7_PARSE_BAD_UDP_LENGTH);
    }
    SECTION("too many extension headers") {
        Packet six = ipv6_packet();
        six.extensions.assign(9, 60);
        CHECK(parse(build(six)).result == L7_PARSE_TOO_DEEP);
    }
    SECTION("four tags") {
        packet.vlans.assign(4, {0x8100, 1});
        CHECK(parse(build(packet)).result == L7_PARSE_NOT_IP);
    }
}

TEST_CASE("every truncation is answered and none read beyond") {
    Packet packet = GENERATE(Packet{}, ipv6_packet());
    packet.l4 = GENERATE(std::uint8_t{6}, std::uint8_t{17}, std::uint8_t{132});
    packet.vlans = {{0x8100, 1}};
    if (packet.is_ipv6())
        packet.extensions = {0, 43};
    const Buffer whole = build(packet);
    for (std::size_t size = 0; size < whole.size(); size++) {
        // An exact allocation, so that AddressSanitizer sees one byte too many.
        const Buffer part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK(parse(part, false, static_cast<std::uint32_t>(whole.size())).result != L7_PARSE_OK);
    }
    CHECK(parse(whole).result == L7_PARSE_OK);
}

TEST_CASE("a GSO packet counts as what goes over the wire") {
    Packet packet;
    packet.payload = Buffer(2900);
    const Buffer bytes = build(packet);
    const Parsed parsed = parse(bytes);
    std::uint32_t packets;
    __u64 size;
    l7_wire_size(&parsed.packet, static_cast<std::uint32_t>(bytes.size()), 2, 1450, &packets,
                 &size);
    CHECK(packets == 2);
    CHECK(size == 2900 + 2 * 54);
    l7_wire_size(&parsed.packet, static_cast<std::uint32_t>(bytes.size()), 0, 1000, &packets,
                 &size);
    CHECK(packets == 3);
}
