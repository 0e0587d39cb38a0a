// SPDX-License-Identifier: GPL-2.0-or-later
// What holds for every parent alike; one without a sample fails.
#include "core/expect/policy.hpp"
#include "support/expecting.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace l7;
using namespace l7::test;

namespace {

std::string word(unsigned number) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(number >> shift);
    return out;
}

std::string text(std::string_view digits) {
    const Buffer bytes = hex(digits);
    return {bytes.begin(), bytes.end()};
}

bool is_v6(const std::string &host) {
    return host.find(':') != std::string::npos;
}

std::string description(const std::string &host, unsigned port) {
    return "v=0\r\nc=IN IP" + std::string(is_v6(host) ? "6 " : "4 ") + host + "\r\nm=audio " +
           std::to_string(port) + " RTP/AVP 0\r\n";
}

/// A conversation in which the client, or server, says that it is called at that port; it is the
/// `round`th of one connection.
struct Sample {
    const char *protocol;
    bool says_host; ///< and so can lie
    bool says_port;
    Conversation (*make)(const std::string &host, unsigned port, unsigned round);
};

Conversation ftp(const std::string &host, unsigned port, unsigned) {
    return {{0, "EPRT |" + std::string(is_v6(host) ? "2|" : "1|") + host + "|" +
                    std::to_string(port) + "|\r\n"}};
}

Conversation irc(const std::string &host, unsigned port, unsigned) {
    return {{0, "PRIVMSG a :\x01"
                "DCC SEND f " +
                    host + " " + std::to_string(port) + " 9\x01\r\n"}};
}

Conversation sip(const std::string &host, unsigned port, unsigned round) {
    const std::string body = description(host, port);
    return {{0, "INVITE sip:b SIP/2.0\r\ni: " + std::to_string(round) +
                    "\r\nCSeq: 1 INVITE\r\nc: application/sdp\r\nl: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body}};
}

/// An OpenLogicalChannelAck with a mediaChannel alone.
Conversation h323(const std::string &host, unsigned port, unsigned) {
    const std::string at = word(port).substr(2);
    const ChildAddress address = *parse_address(host);
    const std::string bytes(address.begin(), address.end());
    // h2250LogicalChannelAckParameters: session 1, unicast, IPv4 or IPv6.
    const std::string inner =
        text("18 00") + (is_v6(host) ? text("10") + bytes : text("00") + bytes.substr(12)) + at;
    const std::string message = text("22 c0 0100 04 80") + static_cast<char>(inner.size()) + inner;
    return {{0, text("03 00 00") + static_cast<char>(message.size() + 4) + message}};
}

Conversation tftp(const std::string &, unsigned, unsigned) {
    return {{0, std::string("\0\1f\0octet\0", 10)}};
}

Conversation rtsp(const std::string &host, unsigned port, unsigned round) {
    const std::string head = "\r\nCSeq: " + std::to_string(round) + "\r\nTransport: RTP/AVP;";
    return {{0, "SETUP a RTSP/1.0" + head + "client_port=" + std::to_string(port) + "\r\n\r\n"},
            {1, "RTSP/1.0 200 OK" + head + "destination=" + host + "\r\n\r\n"}};
}

Conversation pptp(const std::string &, unsigned, unsigned) {
    return {{0, text("001c 0001 1a2b3c4d 000b 0000 0007 0000 05f5e100 0040 0000 00000001")}};
}

Conversation amanda(const std::string &, unsigned port, unsigned) {
    return {{1, "Amanda 2.6 REP HANDLE 0 SEQ 1\nCONNECT DATA " + std::to_string(port) + "\n"}};
}

Conversation sane(const std::string &, unsigned port, unsigned) {
    return {{0, word(7) + word(0)}, {1, word(0) + word(port) + word(0x1234) + word(0)}};
}

Conversation mgcp(const std::string &host, unsigned port, unsigned) {
    return {{0, "200 1 OK\r\n\r\n" + description(host, port)}};
}

Conversation megaco(const std::string &host, unsigned port, unsigned) {
    const std::string message = "!/1 x P=1{C=1{A=A{M{L{\n" + description(host, port) + "}}}}}";
    return {{0, text("03 00 00") + static_cast<char>(message.size() + 4) + message}};
}

constexpr Sample kSamples[] = {
    {"ftp", true, true, ftp},     {"irc", true, true, irc},        {"sip", true, true, sip},
    {"h323", true, true, h323},   {"tftp", false, false, tftp},    {"rtsp", true, true, rtsp},
    {"pptp", false, false, pptp}, {"amanda", false, true, amanda}, {"sane", false, true, sane},
    {"mgcp", true, true, mgcp},   {"megaco", true, true, megaco},
};

std::uint8_t l4_of(const Sample &sample) {
    return parent_kind(sample.protocol).transports & 1U ? IPPROTO_TCP : IPPROTO_UDP;
}

struct Outcome {
    std::size_t said = 0, admitted = 0, alive = 0;
    ExpectCounters counters = {};
};

Outcome admitted(const Sample &sample, const Conversation &said, const Parties &own,
                 const Parties &seen) {
    Outcome out;
    Announcements alive(parent_kind(sample.protocol).topics, seen);
    for (const Announcement &one : announcements(sample.protocol, seen, said)) {
        out.said++;
        out.admitted += alive.admit(translate(one, own, seen), 0, {}, out.counters).has_value();
    }
    out.alive = alive.alive(0);
    return out;
}

} // namespace

TEST_CASE("every parent has a sample here", "[expect]") {
    std::set<std::string> samples, kinds;
    for (const Sample &sample : kSamples)
        samples.insert(sample.protocol);
    for (const ParentKind &kind : parent_kinds())
        kinds.insert(kind.protocol);
    CHECK(samples == kinds);
    CHECK(kinds.size() == parent_kinds().size());
}

TEST_CASE("every parent: over IPv4 and IPv6, whole and in pieces", "[expect]") {
    for (const Sample &sample : kSamples)
        for (const bool v6 : {false, true}) {
            CAPTURE(sample.protocol, v6);
            const std::uint8_t l4 = l4_of(sample);
            const Parties between = v6 ? parties_v6(2000, l4) : parties_v4(2000, l4);
            const Conversation said = sample.make(v6 ? "2001:db8::1" : "192.0.2.1", 5000, 1);
            const Outcome outcome = admitted(sample, said, between, between);
            CHECK(outcome.said > 0);
            CHECK(outcome.admitted == outcome.said);
            if (l4 == IPPROTO_TCP)
                CHECK(announced_in_pieces(sample.protocol, between, said).size() == outcome.said);
        }
}

TEST_CASE("every parent: its parties behind NAT", "[expect]") {
    for (const Sample &sample : kSamples) {
        CAPTURE(sample.protocol);
        const std::uint8_t l4 = l4_of(sample);
        const Parties own = parties_at("10.0.0.2", 3000, "198.51.100.1", 2000, l4);
        const Parties seen = parties_at("192.0.2.1", 61000, "198.51.100.1", 2000, l4);
        const Conversation said = sample.make("10.0.0.2", 5000, 1);
        const Outcome translated = admitted(sample, said, own, seen);
        CHECK(translated.said > 0);
        CHECK(translated.admitted == translated.said);
        const Outcome untranslated = admitted(sample, said, seen, seen);
        CHECK(untranslated.admitted == (sample.says_host ? 0 : untranslated.said));
    }
}

TEST_CASE("every parent: somebody else's address, and a privileged port", "[expect]") {
    for (const Sample &sample : kSamples) {
        CAPTURE(sample.protocol);
        const Parties between = parties_v4(2000, l4_of(sample));
        const Outcome lie = admitted(sample, sample.make("203.0.113.9", 5000, 1), between, between);
        if (sample.says_host) {
            CHECK(lie.admitted == 0);
            CHECK(lie.counters.foreign_target == lie.said);
        }
        const Outcome ssh = admitted(sample, sample.make("192.0.2.1", 22, 1), between, between);
        if (sample.says_port) {
            CHECK(ssh.admitted == 0);
            CHECK(ssh.counters.privileged_port == ssh.said);
        }
    }
}

TEST_CASE("every parent: ten thousand announcements", "[expect]") {
    for (const Sample &sample : kSamples) {
        CAPTURE(sample.protocol);
        Conversation said;
        std::size_t most = 0;
        for (const Topic &topic : parent_kind(sample.protocol).topics)
            most += topic.most;
        for (unsigned round = 0; round < 10000; round++)
            for (Said &one : sample.make("192.0.2.1", 5000 + 2 * round, round))
                said.push_back(std::move(one));
        const Parties between = parties_v4(2000, l4_of(sample));
        const Outcome outcome = admitted(sample, said, between, between);
        CHECK(outcome.said >= 10000);
        CHECK(outcome.admitted == outcome.said);
        CHECK(outcome.alive <= most);
    }
}
