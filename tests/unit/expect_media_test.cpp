// SPDX-License-Identifier: GPL-2.0-or-later
// Parents of media streams beside SIP: rtsp, mgcp, megaco.
#include "core/expect/policy.hpp"
#include "support/expecting.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

std::string setup(const std::string &transport, const std::string &cseq = "3") {
    return "SETUP rtsp://198.51.100.1/a/1 RTSP/1.0\r\nCSeq: " + cseq +
           "\r\nTransport: " + transport + "\r\n\r\n";
}

std::string agreed(const std::string &transport, const std::string &cseq = "3",
                   const std::string &status = "200 OK") {
    return "RTSP/1.0 " + status + "\r\nCSeq: " + cseq +
           "\r\nSession: 1\r\nTransport: " + transport + "\r\n\r\n";
}

Lines rtsp(const Conversation &said) {
    return announced_in_pieces("rtsp", parties_v4(554), said);
}

Lines rtsp(const std::string &asked, const std::string &answer) {
    return rtsp({{0, setup(asked)}, {1, agreed(answer)}});
}

const Lines kBoth = {"udp 198.51.100.1:6000 > 192.0.2.1:8000 stream rtp",
                     "udp 192.0.2.1:8000 > 198.51.100.1:6000 stream rtp",
                     "udp 198.51.100.1:6001 > 192.0.2.1:8001 stream rtcp",
                     "udp 192.0.2.1:8001 > 198.51.100.1:6001 stream rtcp"};

const std::string kDescription = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP 0\r\n";
const Lines kVoice = {"udp any:* > 192.0.2.1:5000 audio rtp",
                      "udp any:* > 192.0.2.1:5001 audio rtcp"};

std::string tpkt(const std::string &packet) {
    const std::size_t size = packet.size() + 4;
    return std::string("\3\0", 2) + static_cast<char>(size >> 8) + static_cast<char>(size) + packet;
}

} // namespace

TEST_CASE("rtsp: the answer to a SETUP", "[expect]") {
    CHECK(rtsp("RTP/AVP;unicast;client_port=8000-8001",
               "RTP/AVP;unicast;client_port=8000-8001;server_port=6000-6001;ssrc=1") == kBoth);
    CHECK(rtsp("RTP/AVP/UDP;unicast;client_port=8000-8001",
               "RTP/AVP/UDP;unicast;server_port=6000-6001") == kBoth);
    CHECK(rtsp("RTP/AVP;unicast;dest_addr=\":8000\"/\":8001\"",
               "RTP/AVP;unicast;dest_addr=\"192.0.2.1:8000\"/\"192.0.2.1:8001\";"
               "src_addr=\"198.51.100.1:6000\"/\"198.51.100.1:6001\"") == kBoth);
    CHECK(rtsp("RTP/AVP;unicast;client_port=8000", "RTP/AVP;unicast;client_port=8000") ==
          Lines{"udp 198.51.100.1:* > 192.0.2.1:8000 stream rtp"});
    CHECK(rtsp("RTP/AVP;client_port=8000-8001",
               "RTP/AVP;client_port=8000-8001;source=203.0.113.9;destination=203.0.113.8") ==
          Lines{"udp 203.0.113.9:* > 203.0.113.8:8000 stream rtp",
                "udp 203.0.113.9:* > 203.0.113.8:8001 stream rtcp"});
    CHECK(
        rtsp("RTP/AVP;multicast", "RTP/AVP;multicast;destination=239.1.1.1;port=3456-3457;ttl=1") ==
        Lines{"udp 198.51.100.1:* > 239.1.1.1:3456 stream rtp",
              "udp 198.51.100.1:* > 239.1.1.1:3457 stream rtcp"});
}

TEST_CASE("rtsp: over IPv6, over UDP, and the second of two streams", "[expect]") {
    CHECK(announced_in_pieces("rtsp", parties_v6(554),
                              {{0, setup("RTP/AVP;client_port=8000")},
                               {1, agreed("RTP/AVP;client_port=8000;source=2001:db8:1::1")}}) ==
          Lines{"udp [2001:db8:1::1]:* > [2001:db8::1]:8000 stream rtp"});
    CHECK(announced(
              "rtsp", parties_v4(554, IPPROTO_UDP),
              {{0, setup("RTP/AVP;client_port=8000")}, {1, agreed("RTP/AVP;client_port=8000")}}) ==
          Lines{"udp 198.51.100.1:* > 192.0.2.1:8000 stream rtp"});
    CHECK(
        rtsp({{0, setup("RTP/AVP;client_port=8000", "3") + setup("RTP/AVP;client_port=8002", "4")},
              {1, agreed("RTP/AVP", "4") + agreed("RTP/AVP", "3")}}) ==
        Lines{"udp 198.51.100.1:* > 192.0.2.1:8002 stream rtp",
              "udp 198.51.100.1:* > 192.0.2.1:8000 stream rtp"});
}

TEST_CASE("rtsp: frames between messages", "[expect]") {
    const std::string frame = std::string("$\0\0\x0a", 4) + "RTSP/1.0 \r";
    const std::string none = std::string("$\1\0\0", 4);
    CHECK(rtsp({{0, setup("RTP/AVP;client_port=8000")},
                {1, frame + none + agreed("RTP/AVP;client_port=8000") + frame}}) ==
          Lines{"udp 198.51.100.1:* > 192.0.2.1:8000 stream rtp"});
}

TEST_CASE("rtsp: what announces nothing", "[expect]") {
    CHECK(rtsp("RTP/AVP/TCP;interleaved=0-1", "RTP/AVP/TCP;interleaved=0-1") == Lines{});
    CHECK(rtsp("RTP/AVP;client_port=8000", "RTP/AVP/TCP;interleaved=0-1") == Lines{});
    CHECK(rtsp("RTP/AVP;client_port=8000", "RAW/RAW/UDP;client_port=8000") == Lines{});
    CHECK(rtsp("RTP/AVP;client_port=x", "RTP/AVP;client_port=x-8001") == Lines{});
    CHECK(rtsp("RTP/AVP", "") == Lines{});
    CHECK(rtsp({{0, setup("RTP/AVP;client_port=8000")}}) == Lines{});
    CHECK(rtsp({{1, agreed("RTP/AVP;client_port=8000")}}) == Lines{});
    CHECK(rtsp({{0, setup("RTP/AVP;client_port=8000")},
                {1, agreed("RTP/AVP;client_port=8000", "4")}}) == Lines{});
    CHECK(rtsp({{0, setup("RTP/AVP;client_port=8000")},
                {1, agreed("RTP/AVP;client_port=8000", "3", "461 No")}}) == Lines{});
    CHECK(rtsp({{0, setup("RTP/AVP;client_port=8000") + agreed("RTP/AVP;client_port=8000")}}) ==
          Lines{});
    CHECK(rtsp({{0, "PLAY a RTSP/1.0\r\nCSeq: 3\r\n\r\n"}, {1, agreed("RTP/AVP;client_port=1")}}) ==
          Lines{});
    // The stream is lost with its first line that is none.
    CHECK(rtsp({{0, "x\r\n" + setup("RTP/AVP;client_port=8000")},
                {1, agreed("RTP/AVP;client_port=8000")}}) == Lines{});
}

TEST_CASE("rtsp: ten thousand SETUPs, and other hosts", "[expect]") {
    Conversation said;
    Announcements alive(parent_kind("rtsp").topics, parties_v4(554));
    ExpectCounters counters;
    for (unsigned i = 0; i < 10000; i++)
        said.push_back(
            {0, setup("RTP/AVP;client_port=" + std::to_string(i + 2000), std::to_string(i))});
    for (unsigned i = 0; i < 10000; i++)
        said.push_back({1, agreed("RTP/AVP", std::to_string(i))});
    CHECK(announced("rtsp", parties_v4(554), said).size() == 8);
    for (const auto &one :
         announcements("rtsp", parties_v4(554),
                       {{0, setup("RTP/AVP")},
                        {1, agreed("RTP/AVP;client_port=22-5000;source=203.0.113.1")}}))
        CHECK_FALSE(alive.admit(one, 0, {}, counters));
    CHECK(counters.foreign_source == 2);
}

TEST_CASE("mgcp: descriptions behind the empty line", "[expect]") {
    const auto mgcp = [](const std::string &datagram) {
        return announced("mgcp", parties_v4(2427, IPPROTO_UDP), {{0, datagram}});
    };
    CHECK(mgcp("200 1204 OK\r\nI: FDE234C8\r\n\r\n" + kDescription) == kVoice);
    CHECK(
        mgcp("MDCX 1209 a@b MGCP 1.0\nC: 1\n\nv=0\nc=IN IP4 192.0.2.1\nm=audio 5000 RTP/AVP 0\n") ==
        kVoice);
    CHECK(mgcp("200 1 OK\r\n.\r\n200 2 OK\r\n\r\n" + kDescription + ".\r\nv=0\r\n" +
               kDescription) == kVoice);
    CHECK(mgcp("200 1204 OK\r\n" + kDescription) == Lines{});
    CHECK(mgcp("200 1204 OK\r\n\r\n") == Lines{});
    CHECK(mgcp("") == Lines{});
}

TEST_CASE("megaco: descriptions between braces", "[expect]") {
    const std::string head =
        "MEGACO/1 [198.51.100.1]:55555 Reply = 10003 { Context = 2000 { Add = A4, "
        "Add = A5 { Media { Stream = 1 { ";
    const std::string lines = head + "Local {\n" + kDescription + "}\n} } } } }";
    const std::string brief = head + "L{v=0\nc=IN IP4 192.0.2.1\nm=audio 5000 RTP/AVP 0}}}}}}";
    for (const std::string &message : {lines, brief}) {
        CHECK(announced("megaco", parties_v4(2944, IPPROTO_UDP), {{0, message}}) == kVoice);
        CHECK(announced_in_pieces("megaco", parties_v4(2944), {{1, tpkt(message)}}) == kVoice);
    }
    CHECK(announced("megaco", parties_v4(2944, IPPROTO_UDP),
                    {{0, head + "Local {\nv=0\nc=IN IP4 $\nm=audio $ RTP/AVP 0\n}}}}}}"}}) ==
          Lines{});
    CHECK(announced("megaco", parties_v4(2944, IPPROTO_UDP),
                    {{0, head + "}\n" + kDescription.substr(5)}}) == Lines{});
    CHECK(announced_in_pieces("megaco", parties_v4(2944), {{0, lines}}) == Lines{});
    CHECK(announced("megaco", parties_v4(2944),
                    {{0, tpkt(std::string(9000, 'x') + kDescription) + tpkt(brief)}}) == kVoice);
    CHECK(announced("megaco", parties_v4(2944), {{0, std::string("\3\0\0\3", 4) + tpkt(brief)}}) ==
          Lines{});
}
