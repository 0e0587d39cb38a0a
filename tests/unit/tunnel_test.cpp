// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/key.hpp"
#include "support/packets.hpp"

#include <l7ctl/tunnel.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace l7;
using namespace l7::test;

namespace {

constexpr std::uint32_t kAll = L7_TUNNEL_IPIP | L7_TUNNEL_GRE | L7_TUNNEL_GTPU | L7_TUNNEL_VXLAN;

Buffer inner_packet(bool ipv6, bool ethernet = false) {
    Packet inner;
    inner.ethernet = ethernet;
    inner.source = ipv6 ? "2001:db8::5" : "203.0.113.5";
    inner.target = ipv6 ? "2001:db8::6" : "203.0.113.6";
    inner.sport = 50000;
    inner.dport = 80;
    inner.payload = bytes_of("GET");
    return build(inner);
}

/// The packet of a tunnel: what stands between the outer IP header, or UDP's, and the inner packet.
Buffer tunnel(std::uint8_t l4, std::uint16_t port, const std::string &header, const Buffer &inner,
              bool ipv6 = false) {
    Packet outer;
    if (ipv6) {
        outer.source = "2001:db8::1";
        outer.target = "2001:db8::2";
    }
    outer.l4 = l4;
    outer.sport = outer.dport = port;
    outer.payload = hex(header);
    outer.payload.insert(outer.payload.end(), inner.begin(), inner.end());
    return build(outer);
}

struct Entered {
    bool tunnel;
    int entered;
    l7_packet packet;
};

Entered enter(const Buffer &bytes, std::uint32_t tunnels = kAll) {
    Entered out{};
    l7_fragment_key datagram;
    const auto size = static_cast<std::uint32_t>(bytes.size());
    REQUIRE(l7_parse_packet(bytes.data(), bytes.data() + size, size, 0, &out.packet, &datagram) ==
            L7_PARSE_OK);
    out.tunnel = l7_is_tunnel(&out.packet, tunnels) != 0;
    if (out.tunnel)
        out.entered = l7_enter_tunnel(bytes.data(), bytes.data() + size, size, &out.packet);
    return out;
}

std::string gtpu(const Buffer &inner, const char *flags, const char *more, std::size_t extra) {
    const std::size_t length = inner.size() + extra;
    char text[64];
    std::snprintf(text, sizeof(text), "%s ff %04zx 00000001 %s", flags, length, more);
    return text;
}

} // namespace

TEST_CASE("the inner packet takes the place of the outer") {
    const bool six_inside = GENERATE(false, true);
    const bool six_outside = GENERATE(false, true);
    const Buffer inner = inner_packet(six_inside);
    const std::string type = six_inside ? "86dd" : "0800";
    const std::uint8_t number = six_inside ? 41 : 4;
    const Buffer packets[] = {
        tunnel(number, 0, "", inner, six_outside),
        tunnel(47, 0, "0000 " + type, inner, six_outside),
        tunnel(47, 0, "b000 " + type + " 00000000 00000001 00000002", inner, six_outside),
        tunnel(47, 0, "0000 6558", inner_packet(six_inside, true), six_outside),
        tunnel(17, 2152, gtpu(inner, "30", "", 0), inner, six_outside),
        tunnel(17, 2152, gtpu(inner, "32", "0001 00 00", 4), inner, six_outside),
        tunnel(17, 2152, gtpu(inner, "34", "0000 00 85 01 0001 00", 8), inner, six_outside),
        tunnel(17, 4789, "08 000000 000001 00", inner_packet(six_inside, true), six_outside),
    };
    for (const Buffer &bytes : packets) {
        const Entered got = enter(bytes);
        INFO(&bytes - packets);
        REQUIRE(got.tunnel);
        REQUIRE(got.entered);
        CHECK(end_of(got.packet.key, got.packet.from).port == 50000);
        CHECK(end_of(got.packet.key, got.packet.from).address ==
              (six_inside ? "2001:db8::5" : "203.0.113.5"));
        REQUIRE(got.packet.payload_size == 3);
        CHECK(std::string(bytes.begin() + got.packet.payload,
                          bytes.begin() + got.packet.payload + 3) == "GET");
        CHECK(got.packet.headers_size == got.packet.payload);
    }
}

TEST_CASE("what cannot be read stays the tunnel's") {
    const Buffer inner = inner_packet(false);
    const Buffer packets[] = {
        tunnel(4, 0, "", bytes_of("no packet")),
        tunnel(47, 0, "0001 0800", inner),                         // PPTP's version
        tunnel(47, 0, "4000 0800", inner),                         // source routing
        tunnel(47, 0, "0000 0806", inner),                         // ARP
        tunnel(17, 2152, gtpu(inner, "30", "", 1), inner),         // the length is wrong
        tunnel(17, 2152, "30 01 0004 00000001 00000000", {}),      // an echo
        tunnel(17, 4789, "00 000000 000001 00", inner),            // no network identifier
        tunnel(17, 4789, "08 000000 000001 00", hex("0102 0304")), // cut
        tunnel(17, 4789, "08 000000 000001 00", hex("000000000001 000000000002 0806 00010800")),
    };
    for (const Buffer &bytes : packets) {
        const Entered got = enter(bytes);
        INFO(&bytes - packets);
        CHECK(got.tunnel);
        CHECK_FALSE(got.entered);
        CHECK(end_of(got.packet.key, got.packet.from).address == "192.0.2.1");
    }
}

TEST_CASE("only the tunnels that are asked for are looked into") {
    const Buffer inner = inner_packet(false);
    CHECK_FALSE(enter(tunnel(4, 0, "", inner), L7_TUNNEL_GRE).tunnel);
    CHECK_FALSE(enter(tunnel(47, 0, "0000 0800", inner), L7_TUNNEL_IPIP).tunnel);
    CHECK_FALSE(enter(tunnel(17, 2152, gtpu(inner, "30", "", 0), inner), L7_TUNNEL_VXLAN).tunnel);
    CHECK_FALSE(enter(tunnel(17, 4789, "08 000000 000001 00", inner), L7_TUNNEL_GTPU).tunnel);
    CHECK_FALSE(enter(tunnel(17, 53, "08 000000 000001 00", inner)).tunnel);
}
