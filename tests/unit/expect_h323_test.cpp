// SPDX-License-Identifier: GPL-2.0-or-later
// The messages are built here bit by bit, from X.691 and the modules of H.225.0 and H.245.
#include "core/expect/policy.hpp"
#include "support/expecting.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

using namespace l7;
using namespace l7::test;

namespace {

std::string raw(std::string_view digits) {
    const Buffer bytes = hex(digits);
    return {bytes.begin(), bytes.end()};
}

/// Writes an encoding.
struct Per {
    std::string bytes;
    unsigned used = 8; ///< bits of the last byte

    Per &bits(unsigned value, unsigned count) {
        while (count-- > 0) {
            if (used == 8) {
                bytes += '\0';
                used = 0;
            }
            if (value >> count & 1)
                bytes.back() = static_cast<char>(bytes.back() | 0x80 >> used);
            used++;
        }
        return *this;
    }
    Per &octets(const std::string &text) {
        used = 8;
        bytes += text;
        return *this;
    }
    Per &hex(std::string_view digits) { return octets(raw(digits)); }
    Per &length(std::size_t size) {
        return size < 128 ? octets(std::string(1, static_cast<char>(size)))
                          : octets({static_cast<char>(0x80 | size >> 8), static_cast<char>(size)});
    }
    Per &open(const Per &inner) { return length(inner.bytes.size()).octets(inner.bytes); }
    /// The extension bits, the first in front.
    Per &additions(const std::string &present) {
        bits(0, 1).bits(static_cast<unsigned>(present.size() - 1), 6);
        for (const char one : present)
            bits(one == '1', 1);
        return *this;
    }
};

constexpr const char *kHost = "c0000201"; // 192.0.2.1
constexpr const char *kHost6 = "20010db8000000000000000000000001";
constexpr const char *kProtocol = "06 0008914a0005";

Per &h225_address(Per &per, const char *port = "c351") {
    return per.bits(0, 1).bits(0, 3).hex(kHost).hex(port);
}

Per &h245_address(Per &per, const char *port) {
    return per.bits(0, 1).bits(0, 1).bits(0, 1).bits(0, 3).bits(0, 1).hex(kHost).hex(port);
}

/// Of a terminal with vendor, product and version.
Per &endpoint(Per &per) {
    return per.bits(0, 1)
        .bits(0b010001, 6) // vendor, terminal
        .bits(0, 1)
        .bits(0b11, 2)
        .bits(0, 1)
        .hex("b5 00 534c")
        .bits(2, 8)
        .octets("l7c")
        .bits(0, 8)
        .octets("1")
        .bits(0, 1)
        .bits(0, 1)  // the terminal: nothing
        .bits(0, 2); // mc, undefinedNode
}

/// Two aliases: digits, and a name.
Per &aliases(Per &per) {
    per.length(2).bits(0, 1).bits(0, 1).bits(2, 7); // three digits
    per.octets("").bits(2, 4).bits(3, 4).bits(4, 4);
    return per.bits(0, 1).bits(1, 1).hex("01").hex("0061 0062");
}

/// H2250LogicalChannelParameters with session 1.
Per channel_parameters(const char *media, const char *control) {
    Per per;
    per.bits(0, 1).bits(0, 1).bits(0, 1).bits(*media != 0, 1).bits(0, 1).bits(*control != 0, 1);
    per.bits(0, 5).hex("01");
    if (*media)
        h245_address(per, media);
    if (*control)
        h245_address(per, control);
    return per;
}

/// The DataType and its details.
Per &data_type(Per &per, char what) {
    per.bits(0, 1);
    switch (what) {
    case 'a': // G.711 u-law, 20 frames
        return per.bits(3, 3).bits(0, 1).bits(3, 4).hex("13");
    case '7': // G.723.1
        return per.bits(3, 3).bits(0, 1).bits(8, 4).hex("00").bits(1, 1);
    case 'v': // H.261 with both sizes
        return per.bits(2, 3)
            .bits(0, 1)
            .bits(1, 3)
            .bits(0, 1)
            .bits(0b11, 2)
            .bits(0, 2)
            .bits(1, 2)
            .bits(0, 1)
            .hex("0100")
            .bits(0, 1);
    case 'w': // H.263 in QCIF, with an extension: slowQcifMPI left out, errorCompensation there
        per.bits(2, 3)
            .bits(0, 1)
            .bits(3, 3)
            .bits(1, 1)
            .bits(0b0100000, 7)
            .bits(0, 5)
            .bits(1, 2)
            .hex("ffff")
            .bits(0, 5)
            .additions("000001");
        return per.hex("01 80");
    case 't': // T.38, in the extension
        return per.bits(4, 3)
            .bits(0, 1)
            .bits(1, 1)
            .bits(0, 1)
            .bits(6, 6)
            .hex("02 0000")
            .bits(1, 2)
            .hex("0090");
    default: // nothing
        return per.bits(1, 3);
    }
}

/// An OpenLogicalChannel of channel 257, as in fastStart.
Per open_channel(char forward, const Per &parameters) {
    Per per;
    per.bits(0, 1).bits(0, 1).hex("0100").bits(0, 1).bits(0, 1);
    data_type(per, forward);
    return per.bits(1, 1).bits(0, 1).bits(0, 6).open(parameters);
}

/// One of the other direction.
Per open_reverse(char reverse, const Per &parameters) {
    Per per;
    per.bits(0, 1).bits(1, 1).hex("0100").bits(0, 1).bits(0, 1);
    data_type(per, '0').bits(1, 1).bits(0, 1).bits(1, 6).open(Per{}.hex("00")); // none
    data_type(per.bits(0, 1).bits(1, 1), reverse);
    return per.bits(1, 1).bits(0, 1).bits(0, 6).open(parameters);
}

/// request: openLogicalChannel
Per request(const Per &channel) {
    Per per;
    per.bits(0, 1).bits(0, 2).bits(0, 1).bits(3, 4);
    return per.octets(channel.bytes);
}

/// response: openLogicalChannelAck with forwardMultiplexAckParameters
Per acknowledgement(const char *media, const char *control) {
    Per inner, per;
    inner.bits(0, 1); // h2250LogicalChannelAckParameters, the only one
    // Session 1 of 1 to 255, which takes eight bits, and they are not aligned.
    inner.bits(0, 1).bits(0b01110, 5).bits(0, 8);
    h245_address(inner, media);
    h245_address(inner, control);
    per.bits(0, 1).bits(1, 2).bits(0, 1).bits(5, 5); // response, its fifth
    per.bits(1, 1).bits(0, 1).hex("0100").additions("010");
    return per.open(inner);
}

std::string tpkt(const std::string &packet) {
    const std::size_t size = packet.size() + 4;
    return std::string("\3\0", 2) + static_cast<char>(size >> 8) + static_cast<char>(size) + packet;
}

/// A Q.931 message with bearer capability, display and user-user information.
std::string q931(const Per &information, const char *type = "05") {
    const std::size_t size = information.bytes.size() + 1;
    return tpkt(raw("08 02 0001") + raw(type) + raw("a1 04 03 8090a5 28 02 4100 7e") +
                static_cast<char>(size >> 8) + static_cast<char>(size) + '\5' + information.bytes);
}

Per &add_list(Per &per, const std::vector<Per> &list) {
    Per inner;
    inner.length(list.size());
    for (const Per &one : list)
        inner.open(one);
    return per.open(inner);
}

/// A Setup; tunnelled messages come in the H323-UU-PDU's extension.
Per setup(bool h245, const std::vector<Per> &fast, const std::vector<Per> &tunnelled = {}) {
    Per per;
    per.bits(0, 2).bits(!tunnelled.empty(), 1).bits(0, 1).bits(0, 1).bits(0, 3);
    per.bits(1, 1).bits(h245, 1).bits(0b110000, 6).hex(kProtocol);
    if (h245)
        h225_address(per);
    aliases(per);
    endpoint(per);
    aliases(per);
    per.bits(0, 1).hex("00112233445566778899aabbccddeeff"); // activeMC, conferenceID
    per.bits(0, 1).bits(0, 2).bits(0, 1).bits(0, 2);        // create, pointToPoint
    per.additions(fast.empty() ? "0010000" : "0010001")
        .open(Per{}.bits(0, 1).octets(std::string(16, 'g')));
    if (!fast.empty())
        add_list(per, fast);
    if (!tunnelled.empty())
        add_list(per.additions("011").open(Per{}.bits(1, 1)), tunnelled);
    return per;
}

Lines tcp(const Conversation &said) {
    return announced_in_pieces("h323", parties_v4(1720), said);
}

Lines ras(const Per &message) {
    return announced("h323", parties_v4(1719, IPPROTO_UDP), {{0, message.bytes}});
}

const std::string kControl = "tcp any:* > 192.0.2.1:50001 q931 h323";

} // namespace

TEST_CASE("h323: what builds the messages here builds them right", "[expect]") {
    // The first octets of a Setup with two aliases, and of an EndpointType, worked out by hand.
    CHECK(setup(false, {}, {Per{}}).bytes.starts_with(raw("20 b0 060008914a0005 02")));
    Per per;
    CHECK(endpoint(per).bytes.starts_with(raw("22 c0 b500534c")));
}

TEST_CASE("h323: the address for H.245", "[expect]") {
    CHECK(tcp({{0, q931(setup(true, {}))}}) == Lines{kControl});
    Per alerting; // and in Alerting, Connect
    alerting.bits(0, 2).bits(0, 2).bits(0, 1).bits(3, 3).bits(0, 1).bits(1, 1).hex(kProtocol);
    h225_address(endpoint(alerting));
    CHECK(tcp({{1, q931(alerting, "01")}}) == Lines{kControl});
    Per connect;
    connect.bits(0, 2).bits(0, 2).bits(0, 1).bits(2, 3).bits(0, 1).bits(1, 1).hex(kProtocol);
    endpoint(h225_address(connect)).octets(std::string(16, 'c'));
    CHECK(tcp({{1, q931(connect, "07")}}) == Lines{kControl});
    Per facility;
    facility.bits(0, 2).bits(0, 2).bits(0, 1).bits(6, 3).bits(1, 1).bits(0, 3).hex(kProtocol);
    Per address;
    h225_address(address);
    facility.bits(1, 1).bits(0, 1).bits(1, 6).open({}).additions("0000001").open(address);
    CHECK(tcp({{1, q931(facility, "62")}}) == Lines{kControl});
    Per six;
    six.bits(0, 2).bits(0, 2).bits(0, 1).bits(3, 3).bits(0, 1).bits(1, 1).hex(kProtocol);
    endpoint(six).bits(0, 1).bits(3, 3).bits(0, 1).hex(kHost6).hex("c351");
    CHECK(announced_in_pieces("h323", parties_v6(1720), {{1, q931(six, "01")}}) ==
          Lines{"tcp any:* > [2001:db8::1]:50001 q931 h323"});
}

TEST_CASE("h323: fast start and tunnelling", "[expect]") {
    const std::vector<Per> fast = {open_channel('a', channel_parameters("", "1389")),
                                   open_reverse('v', channel_parameters("138c", "138d"))};
    CHECK(tcp({{0, q931(setup(false, fast))}}) == Lines{"udp any:* > 192.0.2.1:5001 q931 rtcp",
                                                        "udp any:* > 192.0.2.1:5004 q931 rtp",
                                                        "udp any:* > 192.0.2.1:5005 q931 rtcp"});
    CHECK(tcp({{0, q931(setup(true, {},
                              {request(open_channel('a', channel_parameters("", "1389"))),
                               acknowledgement("1388", "1389")}))}}) ==
          Lines{kControl, "udp any:* > 192.0.2.1:5001 q931 rtcp",
                "udp any:* > 192.0.2.1:5000 q931 rtp", "udp any:* > 192.0.2.1:5001 q931 rtcp"});
    Per proceeding;
    proceeding.bits(0, 2).bits(0, 2).bits(0, 1).bits(1, 3).bits(1, 1).bits(0, 1).hex(kProtocol);
    endpoint(proceeding).additions("00001");
    CHECK(tcp({{1, q931(add_list(proceeding, fast), "02")}}).size() == 3);
    Per progress, inner;
    inner.bits(0, 1).bits(0b00001, 5).hex(kProtocol);
    endpoint(inner).bits(0, 1).octets(std::string(16, 'i')).length(1).open(fast[0]);
    progress.bits(0, 2).bits(0, 2).bits(1, 1).bits(0, 1).bits(0, 6).open(inner);
    CHECK(tcp({{1, q931(progress, "03")}}) == Lines{"udp any:* > 192.0.2.1:5001 q931 rtcp"});
}

TEST_CASE("h323: an H.245 connection of its own", "[expect]") {
    for (const char media : {'a', '7', 'v', 'w'}) {
        CAPTURE(media);
        CHECK(
            tcp({{0,
                  tpkt(request(open_channel(media, channel_parameters("1388", "1389"))).bytes)}}) ==
            Lines{"udp any:* > 192.0.2.1:5000 h245 rtp", "udp any:* > 192.0.2.1:5001 h245 rtcp"});
    }
    CHECK(tcp({{0, tpkt(request(open_channel('t', channel_parameters("1388", ""))).bytes)}}) ==
          Lines{"udp any:* > 192.0.2.1:5000 h245 h323"});
    // Several messages in one packet, behind a masterSlaveDetermination.
    const std::string first = raw("01 00 32 80 123456");
    CHECK(tcp({{1, tpkt(first + acknowledgement("1388", "1389").bytes)}}) ==
          Lines{"udp any:* > 192.0.2.1:5000 h245 rtp", "udp any:* > 192.0.2.1:5001 h245 rtcp"});
    CHECK(tcp({{1, tpkt(first) + tpkt("") + tpkt(acknowledgement("1388", "1389").bytes)}}).size() ==
          2);
}

TEST_CASE("h323: RAS", "[expect]") {
    Per registration;
    registration.bits(0, 1).bits(3, 5).bits(0, 1).bits(0b000, 3).hex("0001").hex(kProtocol).bits(1,
                                                                                                 1);
    h225_address(registration.length(2));
    h225_address(registration, "06b8");
    h225_address(registration.length(1), "06b7");
    endpoint(registration).bits(0, 4).hex("b5 00 534c"); // endpointVendor
    CHECK(ras(registration) ==
          Lines{"tcp any:* > 192.0.2.1:50001 ras h323", "tcp any:* > 192.0.2.1:1720 ras h323"});
    Per gatekeeper;
    gatekeeper.bits(0, 1).bits(1, 5).bits(0, 1).bits(0b01, 2).hex("0001").hex(kProtocol);
    gatekeeper.bits(1, 7).hex("0047 004b");
    CHECK(ras(h225_address(gatekeeper)) == Lines{"udp any:* > 192.0.2.1:50001 ras h323"});
    Per admission;
    admission.bits(0, 1).bits(10, 5).bits(0, 1).bits(0b10, 2).hex("0001").bits(1, 2).hex("0500");
    h225_address(admission.bits(0, 1).bits(0, 1)).hex("0010");
    CHECK(ras(admission) == Lines{"tcp any:* > 192.0.2.1:50001 ras h323"});
    Per location;
    location.bits(0, 1).bits(19, 5).bits(0, 1).bits(0, 1).hex("0001");
    h225_address(h225_address(location), "06b7");
    CHECK(ras(location) ==
          Lines{"tcp any:* > 192.0.2.1:50001 ras h323", "udp any:* > 192.0.2.1:1719 ras h323"});
    CHECK(ras(Per{}.bits(0, 1).bits(9, 5).hex("c0000201 c351")) == Lines{}); // an ARQ
    CHECK(ras(Per{}) == Lines{});
}

TEST_CASE("h323: no message cut short or bent crashes, and most say nothing", "[expect]") {
    const std::string whole =
        q931(setup(true,
                   {open_channel('a', channel_parameters("", "1389")),
                    open_reverse('w', channel_parameters("138c", "138d"))},
                   {request(open_channel('v', channel_parameters("138e", "138f")))}));
    CHECK(tcp({{0, whole}}).size() == 6);
    for (std::size_t size = 10; size < whole.size() - 4; size++) {
        std::string cut = whole.substr(4, size);
        CHECK(announced("h323", parties_v4(1720), {{0, tpkt(cut)}}) == Lines{});
    }
    std::minstd_rand random(1);
    for (unsigned i = 0; i < 5000; i++) {
        std::string bent = whole;
        for (unsigned n = 0; n < 3; n++)
            bent[4 + random() % (bent.size() - 4)] = static_cast<char>(random());
        CHECK(announced("h323", parties_v4(1720), {{0, bent}}).size() <= 32);
    }
}

TEST_CASE("h323: what is not H.323, or not any more, is not read again", "[expect]") {
    const std::string good = q931(setup(true, {}));
    CHECK(tcp({{0, "GET " + good}}) == Lines{});
    CHECK(tcp({{0, raw("03 00 00 03") + good}}) == Lines{});
    CHECK(announced("h323", parties_v4(1720), {{0, tpkt(std::string(9000, '\0')) + good}}) ==
          Lines{kControl});
    CHECK(tcp({{0, tpkt(raw("08 02 0001 05 7e 0003 04 20 b0"))}}) == Lines{}); // not X.680
    CHECK(tcp({{0, tpkt(raw("08 02 0001 05 7e 0009 05 20 b0"))}}) == Lines{}); // too long
    CHECK(tcp({{0, tpkt(raw("08 02 0001 05 04"))}}) == Lines{});
}

TEST_CASE("h323: ten thousand channels are as good as a few", "[expect]") {
    Announcements alive(parent_kind("h323").topics, parties_v4(1720));
    ExpectCounters counters;
    Conversation said;
    for (unsigned i = 0; i < 10000; i++) {
        char port[5];
        std::snprintf(port, sizeof(port), "%04x", 0x1000 + 2 * i);
        said.push_back({0, tpkt(request(open_channel('a', channel_parameters(port, ""))).bytes)});
    }
    for (const Announcement &one : announcements("h323", parties_v4(1720), said))
        CHECK(alive.admit(one, 0, {}, counters));
    CHECK(alive.alive(0) == 18);
    CHECK(counters.displaced == 10000 - 18);
    // Nobody's address but the parties' own.
    Announcements others(parent_kind("h323").topics,
                         parties_at("192.0.2.7", 1, "198.51.100.1", 1720, IPPROTO_TCP));
    CHECK_FALSE(
        others.admit(announcements("h323", parties_v4(1720), {said[0]})[0], 0, {}, counters));
    CHECK(counters.foreign_target == 1);
}

TEST_CASE("h323: an endpoint behind NAT", "[expect]") {
    const Parties own = parties_at("192.0.2.1", 2000, "198.51.100.1", 1720, IPPROTO_TCP);
    const Parties seen = parties_at("203.0.113.5", 61000, "198.51.100.1", 1720, IPPROTO_TCP);
    Announcements alive(parent_kind("h323").topics, seen);
    ExpectCounters counters;
    const auto said = announcements("h323", own, {{0, q931(setup(true, {}))}});
    REQUIRE(said.size() == 1);
    CHECK_FALSE(alive.admit(said[0], 0, {}, counters));
    CHECK(alive.admit(translate(said[0], own, seen), 0, {}, counters));
}
