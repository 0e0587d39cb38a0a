// SPDX-License-Identifier: GPL-2.0-or-later
// Parents that take little: irc, tftp, pptp, amanda, sane.
#include "support/expecting.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

std::string text(std::string_view digits) {
    const Buffer bytes = hex(digits);
    return {bytes.begin(), bytes.end()};
}

Lines irc(const std::string &line, unsigned direction = 0) {
    return announced_in_pieces("irc", parties_v4(6667), {{direction, line + "\r\n"}});
}

std::string dcc(const std::string &what) {
    return "PRIVMSG friend :\x01"
           "DCC " +
           what + "\x01";
}

Lines tftp(const std::string &request, unsigned direction = 0) {
    return announced("tftp", parties_v4(69, IPPROTO_UDP), {{direction, request}});
}

Lines pptp(const Conversation &said) {
    return announced_in_pieces("pptp", parties_v4(1723), said);
}

/// RFC 2637, 2.8.
std::string outgoing_call_reply(const char *call, const char *peers_call, const char *result) {
    return text("0020 0001 1a2b3c4d 0008 0000") + text(call) + text(peers_call) + text(result) +
           text("00 0000 05f5e100 0040 0000 00000000");
}

/// RFC 2637, 2.11.
std::string incoming_call_connected(const char *call) {
    return text("001c 0001 1a2b3c4d 000b 0000") + text(call) +
           text("0000 05f5e100 0040 0000 00000001");
}

const std::string kStartRequest = text("00000000 01000003 00000002 6100"); // INIT
const std::string kSaneStart = text("00000007 00000000");

Lines sane(const Conversation &said) {
    return announced_in_pieces("sane", parties_v4(6566), said);
}

} // namespace

TEST_CASE("irc: offers of a client", "[expect]") {
    const Lines offered = {"tcp any:* > 192.0.2.1:5000 dcc irc"};
    CHECK(irc(dcc("SEND file.txt 3221225985 5000 1024")) == offered);
    CHECK(irc(dcc("CHAT chat 3221225985 5000")) == offered);
    CHECK(irc(dcc("SCHAT chat 3221225985 5000")) == offered);
    CHECK(irc(dcc("TSEND file 3221225985 5000")) == offered);
    CHECK(irc(dcc("MOVE file 3221225985 5000")) == offered);
    CHECK(irc(dcc("send \"my file (1).txt\" 3221225985 5000 7")) == offered);
    CHECK(irc(dcc("SEND file.txt 192.0.2.1 5000 1024")) == offered);
    CHECK(irc("@label=1 :me!me@host " + dcc("SEND file 3221225985 5000")) == offered);
    CHECK(irc("privmsg #a,b \x01"
              "dcc CHAT chat 3221225985 5000") == offered);
    CHECK(irc(dcc("SEND f 2001:db8::1 5000 1")) == Lines{"tcp any:* > [2001:db8::1]:5000 dcc irc"});
}

TEST_CASE("irc: what announces nothing", "[expect]") {
    for (const char *what :
         {"SEND file 3221225985 0 1024 7", "RESUME file 5000 100", "ACCEPT file 5000 100",
          "SEND file 3221225985", "SEND file", "SEND", "", "SEND file 4294967296 5000",
          "SEND file 192.0.2 5000", "SEND file 3221225985 65536", "XSEND file 3221225985 5000",
          "SEND \"file 3221225985 5000"}) {
        CAPTURE(what);
        CHECK(irc(dcc(what)) == Lines{});
    }
    CHECK(irc(dcc("SEND file 3221225985 5000"), 1) == Lines{}); // others' are the server's to relay
    CHECK(irc("NOTICE a :\x01"
              "DCC SEND f 3221225985 5000\x01") == Lines{});
    CHECK(irc("PRIVMSG a :look: \x01"
              "DCC SEND f 3221225985 5000\x01") == Lines{});
    CHECK(irc("PRIVMSG a :DCC SEND f 3221225985 5000") == Lines{});
    CHECK(announced("irc", parties_v4(6667),
                    {{0, "PRIVMSG " + std::string(9000, 'a') + dcc("CHAT c 3221225985 5000")}}) ==
          Lines{});
}

TEST_CASE("tftp: the server answers from any port", "[expect]") {
    using namespace std::string_literals;
    const Lines answer = {"udp 198.51.100.1:* > 192.0.2.1:40000 transfer tftp"};
    CHECK(tftp("\0\1boot.img\0octet\0"s) == answer);
    CHECK(tftp("\0\2log\0NetASCII\0"s) == answer);
    CHECK(tftp("\0\1boot.img\0octet\0blksize\0001432\0"s) == answer);
    CHECK(announced("tftp", parties_v6(69, IPPROTO_UDP), {{0, "\0\1f\0octet\0"s}}) ==
          Lines{"udp [2001:db8:1::1]:* > [2001:db8::1]:40000 transfer tftp"});
    CHECK(tftp("\0\1boot.img\0octet\0"s, 1) == Lines{});
    for (const std::string &wrong :
         {""s, "\0"s, "\0\1"s, "\0\1\0octet\0"s, "\0\1f\0octet"s, "\0\3f\0octet\0"s, "\0\1f\0\0"s,
          "\0\1f\0weird\0"s, "\0\1octet\0"s}) {
        CAPTURE(wrong);
        CHECK(tftp(wrong) == Lines{});
    }
}

TEST_CASE("pptp: a call that is up goes over GRE, both ways", "[expect]") {
    const Lines both = {"47 192.0.2.1:* > 198.51.100.1:* call gre",
                        "47 198.51.100.1:* > 192.0.2.1:* call gre"};
    const std::string start = text("009c 0001 1a2b3c4d 0001 0000") + std::string(144, '\0');
    CHECK(pptp({{0, start}, {1, outgoing_call_reply("0001", "4000", "01")}}) == both);
    CHECK(pptp({{0, start + incoming_call_connected("0007")}}) == both);
    CHECK(pptp({{1, start + outgoing_call_reply("0001", "4000", "02") +
                        outgoing_call_reply("0001", "4000", "01")}}) == both);
}

TEST_CASE("pptp: what announces nothing", "[expect]") {
    CHECK(pptp({{1, outgoing_call_reply("0001", "4000", "02")}}) == Lines{});
    CHECK(pptp({{1, outgoing_call_reply("0000", "4000", "01")}}) == Lines{});
    CHECK(pptp({{0, incoming_call_connected("0000")}}) == Lines{});
    std::string wrong = outgoing_call_reply("0001", "4000", "01");
    wrong[5]++; // the cookie
    CHECK(pptp({{1, wrong + outgoing_call_reply("0001", "4000", "01")}}) == Lines{});
    CHECK(pptp({{1, text("0004 0001 1a2b3c4d") + outgoing_call_reply("0001", "4000", "01")}}) ==
          Lines{});
    CHECK(pptp({{1, text("ffff 0001 1a2b3c4d 0008") + std::string(500, '\1')}}) == Lines{});
    CHECK(pptp({{1, text("000c 0001 1a2b3c4d 0008 0000")}}) == Lines{}); // too short for one
}

TEST_CASE("amanda: the ports of the one that is backed up", "[expect]") {
    const auto amanda = [](const std::string &datagram, unsigned direction = 1) {
        return announced("amanda", parties_v4(10080, IPPROTO_UDP), {{direction, datagram}});
    };
    const std::string head = "Amanda 2.6 REP HANDLE 00-00A8B4C0 SEQ 1234567890\n";
    CHECK(amanda(head + "CONNECT DATA 50001 MESG 50002 INDEX 50003\nOPTIONS x\n") ==
          Lines{"tcp 192.0.2.1:* > 198.51.100.1:50001 stream amanda",
                "tcp 192.0.2.1:* > 198.51.100.1:50002 stream amanda",
                "tcp 192.0.2.1:* > 198.51.100.1:50003 stream amanda"});
    CHECK(amanda(head + "OPTIONS x;\nCONNECT STATE 50004\n") ==
          Lines{"tcp 192.0.2.1:* > 198.51.100.1:50004 stream amanda"});
    CHECK(amanda(head + "CONNECT DATA 50001 MESG 50002\n", 0) == Lines{});
    CHECK(amanda(head + "CONNECT DATA 0 OTHER 5 MESG x INDEX 50003\n") == Lines{});
    CHECK(amanda(head + "CONNECT DATA 70000\n") == Lines{});
    CHECK(amanda(head + "CONNECT DATA 50001") == Lines{});
    CHECK(amanda(head) == Lines{});
    CHECK(amanda("") == Lines{});
    CHECK(amanda("Amanda 2.6 REQ HANDLE 0 SEQ 1\nCONNECT DATA 50001\n") == Lines{});
    CHECK(amanda("CONNECT DATA 50001\n") == Lines{});
}

TEST_CASE("sane: the image comes from the port in the reply", "[expect]") {
    const Lines image = {"tcp 192.0.2.1:* > 198.51.100.1:50001 image sane"};
    const std::string reply = text("00000000 0000c351 00001234 00000000");
    const std::string init_reply = text("00000000 01000003");
    CHECK(sane({{0, kStartRequest}, {1, init_reply}, {0, kSaneStart}, {1, reply}}) == image);
    CHECK(sane({{0, kSaneStart}, {1, text("00000000 0000c351 00004321 00000001 00")}}) == image);
    // With a name to be given first.
    CHECK(sane({{0, kSaneStart},
                {1, text("00000000 00000000 00000000 00000005 66656564 00")},
                {0, text("00000009 00000005 66656564 00 00000001 00 00000001 00")},
                {1, text("00000000") + reply}}) == image);
}

TEST_CASE("sane: what announces nothing", "[expect]") {
    const std::string reply = text("00000000 0000c351 00001234 00000000");
    CHECK(sane({{0, kStartRequest}, {1, reply}}) == Lines{});
    CHECK(sane({{1, reply}}) == Lines{});
    CHECK(sane({{0, kSaneStart}, {1, text("00000003 0000c351 00001234 00000000")}}) == Lines{});
    CHECK(sane({{0, kSaneStart}, {1, text("00000000 00010000 00001234 00000000")}}) == Lines{});
    CHECK(sane({{0, kSaneStart}, {1, text("00000000 00000000 00001234 00000000")}}) == Lines{});
    CHECK(sane({{0, kSaneStart}, {1, text("00000000 0000c351 00001235 00000000")}}) == Lines{});
    CHECK(sane({{0, kSaneStart + "x"}, {1, reply}}) == Lines{});
    CHECK(sane({{0, text("00000009 0000")}, {1, text("00000000") + reply}}) == Lines{});
    CHECK(sane({{0, kSaneStart}, {1, reply.substr(0, 15)}}) == Lines{});
    CHECK(announced("sane", parties_v4(6566),
                    {{0, std::string(100000, '\7')}, {1, std::string(100000, '\0')}})
              .empty());
}

TEST_CASE("sane: a hole spoils the message that has it, and no other", "[expect]") {
    const std::string reply = text("00000000 0000c351 00001234 00000000");
    const auto after = [&](unsigned torn, const Conversation &said) {
        const auto parent = parent_kind("sane").make(parties_v4(6566));
        std::vector<Announcement> out;
        const auto take = [&](unsigned direction, const std::string &bytes) {
            const Buffer data = bytes_of(bytes);
            parent->take({direction, data}, out);
        };
        take(0, text("00000004 00000000"));
        take(1, std::string(4096, '\0'));
        CHECK(parent->gap(torn));
        for (const auto &[direction, bytes] : said)
            take(direction, bytes);
        return out.size();
    };
    CHECK(after(1, {{0, kSaneStart}, {1, reply}}) == 1);
    CHECK(after(1, {{1, "the rest"}, {0, kSaneStart}, {1, reply}}) == 1);
    CHECK(after(1, {{1, reply}}) == 0);
    CHECK(after(0, {{0, kSaneStart}, {1, reply}}) == 0); // it may be the end of another
    CHECK(after(0, {{0, "x"}, {1, reply}, {0, kSaneStart}, {1, reply}}) == 1);
}

TEST_CASE("parents say when there is nothing more to be read", "[expect]") {
    const std::string junk = std::string(5000, 'x') + "\r\n";
    const std::pair<const char *, std::string> ends[] = {
        {"ftp", "234 go on\r\n"}, {"pptp", junk}, {"sip", junk},
        {"rtsp", junk},           {"h323", junk}, {"megaco", junk}};
    for (const auto &[protocol, bytes] : ends) {
        CAPTURE(protocol);
        const auto parent = parent_kind(protocol).make(parties_v4(1000));
        std::vector<Announcement> out;
        const Buffer data = bytes_of(bytes);
        CHECK_FALSE(parent->finished());
        parent->take({0, data}, out);
        CHECK(parent->finished() == (std::string_view(protocol) == "pptp"));
        parent->take({1, data}, out);
        CHECK(parent->finished());
    }
}
