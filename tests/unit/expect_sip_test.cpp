// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/policy.hpp"
#include "core/expect/sdp.hpp"
#include "support/expecting.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

const std::string kSession =
    "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
const std::string kAudio = "m=audio 49170 RTP/AVP 0 8\r\na=sendrecv\r\n";

/// An INVITE, a 200 to it or the like, with a body of SDP.
std::string message(const std::string &start, const std::string &body,
                    const std::string &cseq = "1 INVITE", const std::string &call = "c1") {
    return start + "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9\r\nCall-ID: " + call +
           "\r\nCSeq: " + cseq +
           "\r\nContent-Type: application/sdp\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

std::string invite(const std::string &body, const std::string &call = "c1") {
    return message("INVITE sip:b@example.org SIP/2.0", body, "1 INVITE", call);
}

Lines udp(const std::string &datagram, unsigned direction = 0) {
    return announced("sip", parties_v4(5060, IPPROTO_UDP), {{direction, datagram}});
}

Lines tcp(const Conversation &said) {
    return announced_in_pieces("sip", parties_v4(5060), said);
}

Lines sdp(const std::string &media) {
    return udp(invite(kSession + media));
}

const Lines kCall = {"udp any:* > 192.0.2.1:49170 audio rtp",
                     "udp any:* > 192.0.2.1:49171 audio rtcp"};

std::string registers(const std::string &fields, const std::string &cseq = "7 REGISTER") {
    return "REGISTER sip:example.org SIP/2.0\r\nCall-ID: r1\r\nCSeq: " + cseq + "\r\n" + fields +
           "\r\n";
}

std::string granted(const std::string &fields, const std::string &cseq = "7 REGISTER",
                    const std::string &status = "200 OK") {
    return "SIP/2.0 " + status + "\r\ni: r1\r\nCSeq: " + cseq + "\r\n" + fields + "\r\n";
}

Lines registered(const std::string &asked, const std::string &answer) {
    return announced("sip", parties_v4(5060, IPPROTO_UDP), {{0, asked}, {1, answer}});
}

} // namespace

TEST_CASE("sip: the media of an offer and of its answer", "[expect]") {
    CHECK(udp(invite(kSession + kAudio)) == kCall);
    CHECK(udp(message("SIP/2.0 200 OK", kSession + kAudio), 1) == kCall);
    CHECK(udp(message("SIP/2.0 183 Progress", kSession + kAudio), 1) == kCall);
    for (const char *method : {"ACK", "PRACK", "UPDATE"})
        CHECK(udp(message(std::string(method) + " sip:b SIP/2.0", kSession + kAudio)) == kCall);
}

TEST_CASE("sip: over TCP, in whatever pieces", "[expect]") {
    CHECK(tcp({{0, invite(kSession + kAudio)}}) == kCall);
    CHECK(tcp({{0, "\r\n\r\n" + invite("") + "\r\n" + invite(kSession + kAudio)}}) == kCall);
    CHECK(tcp({{0, invite(kSession)}, {1, message("SIP/2.0 200 OK", kSession + kAudio)}}) == kCall);
    // Compact names, folded lines, and no space where none is needed.
    const std::string body = kSession + kAudio;
    CHECK(tcp({{0, "INVITE sip:b SIP/2.0\ni:c\ncSeQ :1\n  INVITE\nc:\n application/sdp;x=y\nl :" +
                       std::to_string(body.size()) + "\n\n" + body}}) == kCall);
}

TEST_CASE("sip: with IPv6", "[expect]") {
    CHECK(announced("sip", parties_v6(5060, IPPROTO_UDP),
                    {{0, invite("v=0\r\nc=IN IP6 2001:db8::1\r\n" + kAudio)}}) ==
          Lines{"udp any:* > [2001:db8::1]:49170 audio rtp",
                "udp any:* > [2001:db8::1]:49171 audio rtcp"});
}

TEST_CASE("sdp: several streams, addresses of their own", "[expect]") {
    CHECK(sdp("m=audio 5000 RTP/AVP 0\r\nc=IN IP4 192.0.2.7/127\r\na=rtcp:7000\r\n"
              "m=video 6000 RTP/SAVPF 99\r\na=rtcp:7002 IN IP4 192.0.2.8\r\n"
              "m=image 6100 udptl t38\r\nm=image 6102 TCP t38\r\nm=text 6200 RTP/AVP 98\r\n") ==
          Lines{"udp any:* > 192.0.2.7:5000 audio rtp", "udp any:* > 192.0.2.7:7000 audio rtcp",
                "udp any:* > 192.0.2.1:6000 video rtp", "udp any:* > 192.0.2.8:7002 video rtcp",
                "udp any:* > 192.0.2.1:6100 image sip", "tcp any:* > 192.0.2.1:6102 image sip",
                "udp any:* > 192.0.2.1:6200 audio rtp", "udp any:* > 192.0.2.1:6201 audio rtcp"});
    CHECK(sdp("m=audio 5000/2 RTP/AVP 0\r\n") ==
          Lines{"udp any:* > 192.0.2.1:5000 audio rtp", "udp any:* > 192.0.2.1:5001 audio rtcp",
                "udp any:* > 192.0.2.1:5002 audio rtp", "udp any:* > 192.0.2.1:5003 audio rtcp"});
    CHECK(sdp("m=video 5000 UDP/TLS/RTP/SAVPF 96\r\na=rtcp-mux\r\n") ==
          Lines{"udp any:* > 192.0.2.1:5000 video rtp"});
    CHECK(sdp("m=audio 65535 RTP/AVP 0\r\n") == Lines{"udp any:* > 192.0.2.1:65535 audio rtp"});
}

TEST_CASE("sdp: what announces nothing", "[expect]") {
    for (const char *media :
         {"m=audio 0 RTP/AVP 0\r\n", "m=audio x RTP/AVP 0\r\n", "m=audio 70000 RTP/AVP 0\r\n",
          "m=audio 5000\r\n", "m=audio\r\n", "m=\r\n", "m", "m=audio 5000/0 RTP/AVP 0\r\n",
          "m=audio 5000/x RTP/AVP 0\r\n", "m=application 5000 UDP/DTLS/SCTP webrtc\r\n",
          "m=message 5000 TCP/MSRP *\r\n", "m=audio 5000 RTP/AVP 0\r\nc=IN IP4 host.example\r\n",
          "m=audio 5000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n",
          "m=audio 5000 RTP/AVP 0\r\nc=IN IP6 192.0.2.1\r\n", "x=audio 5000 RTP/AVP 0\r\n",
          "c=IN IP4 999.0.2.1\r\nm=audio 5000 RTP/AVP 0\r\n"}) {
        CAPTURE(media);
        CHECK(sdp(media) == Lines{});
    }
    CHECK(udp(invite("c=IN IP4 192.0.2.1\r\n" + kAudio)) == Lines{}); // no "v="
    CHECK(udp(invite("v=0\r\n" + kAudio)) == Lines{});                // no "c="
}

TEST_CASE("sdp: a thousand streams are as good as sixteen ends", "[expect]") {
    std::string media;
    for (unsigned i = 0; i < 1000; i++)
        media += "m=audio " + std::to_string(5000 + 2 * i) + "/9999 RTP/AVP 0\r\n";
    SdpReader reader;
    std::string_view all = media;
    reader.take("v=0");
    reader.take("c=IN IP4 192.0.2.1");
    while (!all.empty()) {
        const std::size_t end = all.find('\r');
        reader.take(all.substr(0, end));
        all.remove_prefix(end + 2);
    }
    CHECK(reader.finish().size() == 16);
}

TEST_CASE("sip: bodies of several parts", "[expect]") {
    const std::string part = "Content-Type: application/sdp\r\n\r\n" + kSession + kAudio;
    const auto several = [](const std::string &body) {
        return udp("INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Type: multipart/mixed; "
                   "boundary=x\r\n\r\n" +
                   body);
    };
    CHECK(several("--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x\r\n" + part + "--x--\r\n") ==
          kCall);
    CHECK(several("--x\r\nContent-Type: text/plain\r\n\r\n" + kSession + kAudio + "--x--\r\n") ==
          Lines{});
}

TEST_CASE("sip: messages that agree on nothing", "[expect]") {
    CHECK(udp(message("OPTIONS sip:b SIP/2.0", kSession + kAudio)) == Lines{});
    CHECK(udp(message("MESSAGE sip:b SIP/2.0", kSession + kAudio)) == Lines{});
    CHECK(udp(message("SIP/2.0 200 OK", kSession + kAudio, "1 OPTIONS"), 1) == Lines{});
    CHECK(udp(message("SIP/2.0 488 No", kSession + kAudio), 1) == Lines{});
    CHECK(udp(message("SIP/2.0 20 OK", kSession + kAudio), 1) == Lines{});
    CHECK(udp("INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Type: text/plain\r\n\r\n" +
              kSession + kAudio) == Lines{});
    CHECK(udp("INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\n") == Lines{});
    CHECK(udp("") == Lines{});
}

TEST_CASE("sip: a stream whose framing was lost is not read again", "[expect]") {
    const std::string call = invite(kSession + kAudio);
    CHECK(tcp({{0, "hello\r\n" + call}}) == Lines{});
    CHECK(tcp({{0, "INVITE sip:b SIP/2.0\r\nContent-Length: -1\r\n\r\n" + call}}) == Lines{});
    CHECK(tcp({{0, "INVITE sip:b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n" + call}}) ==
          Lines{});
    CHECK(announced("sip", parties_v4(5060), {{0, std::string(3000, 'x') + "\r\n" + call}}) ==
          Lines{});
    // One within a body is not a message.
    CHECK(tcp({{0, "MESSAGE sip:b SIP/2.0\r\nContent-Length: " + std::to_string(call.size()) +
                       "\r\n\r\n" + call}}) == Lines{});
}

TEST_CASE("sip: bodies and fields beyond the bounds are passed over", "[expect]") {
    const std::string call = invite(kSession + kAudio);
    const std::string long_one = invite(kSession + kAudio + std::string(9000, 'x'));
    CHECK(announced("sip", parties_v4(5060), {{0, long_one + call}}) == kCall);
    CHECK(announced("sip", parties_v4(5060),
                    {{0, "INVITE sip:b SIP/2.0\r\nX: " + std::string(5000, 'x') +
                             call.substr(32)}}) == kCall);
    std::string fields;
    for (unsigned i = 0; i < 1000; i++)
        fields += "Contact: <sip:a@192.0.2.1>\r\n";
    CHECK(registered(registers(fields), granted("")).size() == 4);
}

TEST_CASE("sip: a re-INVITE moves its call's streams and no others", "[expect]") {
    Announcements alive(parent_kind("sip").topics, parties_v4(5060, IPPROTO_UDP));
    ExpectCounters counters;
    std::vector<std::uint16_t> withdrawn;
    const auto say = [&](const std::string &what) {
        for (const Announcement &one :
             announcements("sip", parties_v4(5060, IPPROTO_UDP), {{0, what}}))
            if (const auto admitted = alive.admit(one, 0, {}, counters); admitted->replaced)
                withdrawn.push_back(admitted->replaced->port);
    };
    say(invite(kSession + "m=audio 5000 RTP/AVP 0\r\n", "one"));
    say(invite(kSession + "m=audio 5100 RTP/AVP 0\r\n", "two"));
    CHECK(alive.alive(0) == 4);
    say(invite(kSession + "m=audio 5002 RTP/AVP 0\r\n", "one"));
    CHECK(withdrawn == std::vector<std::uint16_t>{5000, 5001});
    CHECK(alive.alive(0) == 4);
    CHECK(counters.moved == 2);
    CHECK(counters.displaced == 0);
}

TEST_CASE("sip: a registration counts from its 200", "[expect]") {
    const std::string contact = "Contact: \"A, B\" <sip:a@192.0.2.1:5070>;expires=600\r\n";
    CHECK(registered(registers(contact), granted("")) ==
          Lines{"udp any:* > 192.0.2.1:5070 registration sip 600s"});
    CHECK(registered(registers(contact),
                     granted("m: <sip:a@192.0.2.1:5070>;expires=60, <sip:x@192.0.2.9>\r\n")) ==
          Lines{"udp any:* > 192.0.2.1:5070 registration sip 60s"});
    CHECK(registered(registers("m: sip:a@192.0.2.1;expires=5\r\nExpires: 90\r\n"), granted("")) ==
          Lines{"udp any:* > 192.0.2.1:5060 registration sip 5s"});
    CHECK(
        registered(
            registers(
                "m: <sip:192.0.2.1;transport=TCP>, <sip:a@[2001:db8::1]:5072>\r\nExpires: 90\r\n"),
            granted("")) == Lines{"tcp any:* > 192.0.2.1:5060 registration sip 90s",
                                  "udp any:* > [2001:db8::1]:5072 registration sip 90s"});
    CHECK(registered(registers("m: <sip:192.0.2.1>\r\n"), granted("")) ==
          Lines{"udp any:* > 192.0.2.1:5060 registration sip 3600s"});
    CHECK(registered(registers("m: <sip:192.0.2.1>;expires=9999999\r\n"), granted("")) ==
          Lines{"udp any:* > 192.0.2.1:5060 registration sip 65535s"});
}

TEST_CASE("sip: registrations that do not count", "[expect]") {
    const std::string contact = "Contact: <sip:a@192.0.2.1:5070>\r\n";
    CHECK(registered(registers(contact), "") == Lines{});
    CHECK(registered(registers(contact), granted("", "7 REGISTER", "401 No")) == Lines{});
    CHECK(registered(registers(contact), granted("", "7 REGISTER", "100 Trying")) == Lines{});
    CHECK(registered(registers(contact), granted("", "8 REGISTER")) == Lines{});
    CHECK(registered(registers(contact), granted("", "7 INVITE")) == Lines{});
    CHECK(registered(registers(contact + "Expires: 0\r\n"), granted("")) == Lines{});
    CHECK(registered(registers("Contact: *\r\nExpires: 0\r\n"), granted("")) == Lines{});
    for (const char *uri :
         {"<sips:192.0.2.1>", "<sip:192.0.2.1;transport=tls>", "<sip:host.example>", "<tel:1234>",
          "<sip:192.0.2.1:99999>", "\"sip:a@192.0.2.1", "<sip:", ""})
        CHECK(registered(registers("Contact: " + std::string(uri) + "\r\n"), granted("")) ==
              Lines{});
    // Nobody answers himself.
    CHECK(announced("sip", parties_v4(5060, IPPROTO_UDP),
                    {{0, registers(contact)}, {0, granted("")}}) == Lines{});
    // The answer to the second try counts.
    CHECK(announced("sip", parties_v4(5060, IPPROTO_UDP),
                    {{0, registers(contact)},
                     {1, granted("", "7 REGISTER", "401 No")},
                     {0, registers(contact, "8 REGISTER")},
                     {1, granted("", "8 REGISTER")}})
              .size() == 1);
}

TEST_CASE("sip: ten thousand unanswered registrations", "[expect]") {
    Conversation said;
    for (unsigned i = 0; i < 10000; i++)
        said.push_back({0, registers("m: <sip:192.0.2.1>\r\n", std::to_string(i) + " REGISTER")});
    said.push_back({1, granted("", "9999 REGISTER")});
    said.push_back({1, granted("", "1 REGISTER")});
    CHECK(announced("sip", parties_v4(5060, IPPROTO_UDP), said).size() == 1);
}

TEST_CASE("sip: others' addresses and privileged ports do not count", "[expect]") {
    Announcements alive(parent_kind("sip").topics, parties_v4(5060, IPPROTO_UDP));
    ExpectCounters counters;
    for (const char *body : {"v=0\r\nc=IN IP4 203.0.113.9\r\nm=audio 5000 RTP/AVP 0\r\n",
                             "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 22 RTP/AVP 0\r\n",
                             "v=0\r\nc=IN IP4 239.1.1.1/1\r\nm=audio 5000 RTP/AVP 0\r\n"})
        for (const Announcement &one :
             announcements("sip", parties_v4(5060, IPPROTO_UDP), {{0, invite(body)}}))
            CHECK_FALSE(alive.admit(one, 0, {}, counters));
    CHECK(counters.foreign_target == 2);
    CHECK(counters.privileged_port == 2);
    CHECK(counters.no_host == 2);
}

TEST_CASE("sip: a phone behind NAT", "[expect]") {
    const Parties own = parties_at("10.0.0.2", 5060, "198.51.100.1", 5060, IPPROTO_UDP);
    const Parties seen = parties_at("192.0.2.1", 31000, "198.51.100.1", 5060, IPPROTO_UDP);
    Announcements alive(parent_kind("sip").topics, seen);
    ExpectCounters counters;
    const auto said = announcements("sip", seen,
                                    {{0, invite("v=0\r\nc=IN IP4 10.0.0.2\r\n" + kAudio)},
                                     {0, registers("m: <sip:a@10.0.0.2:5060>\r\n")},
                                     {1, granted("")}});
    REQUIRE(said.size() == 3);
    for (const Announcement &one : said)
        CHECK(alive.admit(translate(one, own, seen), 0, {}, counters));
    CHECK(shown(translate(said[2], own, seen), "sip") ==
          "udp any:* > 192.0.2.1:31000 registration sip 3600s");
}
