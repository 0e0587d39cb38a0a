// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/smb.hpp"
#include "support/dissecting.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

std::string text(std::string_view digits) {
    const Buffer bytes = hex(digits);
    return {bytes.begin(), bytes.end()};
}

std::string le(std::size_t number, unsigned bytes) {
    std::string out;
    for (; bytes > 0; bytes--, number >>= 8)
        out += static_cast<char>(number);
    return out;
}

std::string zeros(std::size_t count) {
    return std::string(count, '\0');
}

std::string utf16(std::string_view ascii) {
    std::string out;
    for (const char c : ascii)
        (out += c) += '\0';
    return out;
}

std::string framed(const std::string &message) {
    return text("00") + static_cast<char>(message.size() >> 16) +
           static_cast<char>(message.size() >> 8) + static_cast<char>(message.size()) + message;
}

/// [MS-SMB2] 2.2.1.
std::string smb2(unsigned command, bool response, const std::string &body, std::size_t next = 0) {
    return "\xfeSMB" + le(64, 2) + zeros(6) + le(command, 2) + le(1, 2) + le(response, 4) +
           le(next, 4) + zeros(40) + body;
}

/// [MS-CIFS] 2.2.3.
std::string smb1(unsigned command, bool response, bool unicode, const std::string &words,
                 const std::string &bytes) {
    return "\xffSMB" + le(command, 1) + zeros(4) + le(response ? 0x80 : 0, 1) +
           le(unicode ? 0x8000 : 0, 2) + zeros(20) + le(words.size() / 2, 1) + words +
           le(bytes.size(), 2) + bytes;
}

std::string negotiate2_response(unsigned dialect) {
    return framed(smb2(0, true, le(65, 2) + le(1, 2) + le(dialect, 2) + zeros(58)));
}

std::string tree_connect2(const std::string &path) {
    const std::string name = utf16(path);
    return smb2(3, false, le(9, 2) + zeros(2) + le(72, 2) + le(name.size(), 2) + name);
}

/// Of 3.1.1, with a context of preauthentication before that of the server's name.
std::string negotiate2_of(const std::string &server) {
    const std::string name = utf16(server);
    return framed(smb2(0, false,
                       le(36, 2) + le(2, 2) + zeros(24) + le(64 + 40, 4) + le(2, 2) + zeros(2) +
                           le(0x0302, 2) + le(0x0311, 2) + le(1, 2) + le(6, 2) + zeros(4) +
                           zeros(8) + le(5, 2) + le(name.size(), 2) + zeros(4) + name));
}

const std::string kNegotiate2 =
    framed(smb2(0, false, le(36, 2) + le(2, 2) + zeros(32) + le(0x0202, 2) + le(0x0210, 2)));
const std::string kNegotiate1 = framed(
    smb1(0x72, false, false, "", std::string("\2LANMAN1.0\0\2NT LM 0.12\0\2SMB 2.???\0", 34)));

} // namespace

TEST_CASE("SMB 2 gives dialect and server, however it is cut") {
    const std::string setup = framed(smb2(1, false, le(25, 2) + zeros(30)));
    for (const std::size_t step : {1U, 3U, 1000U}) {
        Fed smb(make_smb());
        CHECK(smb.stream(0, kNegotiate2, step).last == Progress::Known);
        CHECK(smb.facts.protocol == "smb");
        CHECK(smb.stream(1, negotiate2_response(0x0210), step).last == Progress::Known);
        smb.stream(0, kNegotiate2 + setup + framed(tree_connect2("\\\\files.example.org\\IPC$")),
                   step);
        CHECK(smb.last == Progress::Done);
        CHECK(detail(smb.facts, "dialect") == "2.1");
        CHECK(smb.facts.hostname == "files.example.org");
        CHECK(smb.facts.details.size() == 1);
    }
}

TEST_CASE("the dialects of SMB 2 and 3") {
    for (const auto &[number, name] :
         std::initializer_list<std::pair<unsigned, const char *>>{{0x0202, "2.0.2"},
                                                                  {0x0210, "2.1"},
                                                                  {0x0300, "3.0"},
                                                                  {0x0302, "3.0.2"},
                                                                  {0x0311, "3.1.1"},
                                                                  {0x02ff, ""},
                                                                  {0x1234, ""}}) {
        Fed smb(make_smb());
        CHECK(smb.stream(1, negotiate2_response(number)).last == Progress::Known);
        CHECK(detail(smb.facts, "dialect") == name);
    }
}

TEST_CASE("SMB 3.1.1 may name its server in the first message") {
    Fed smb(make_smb());
    smb.stream(0, negotiate2_of("nas.example.org"));
    CHECK(smb.facts.hostname == "nas.example.org");
    CHECK(smb.last == Progress::Known);
    smb.stream(1, negotiate2_response(0x0311));
    CHECK(smb.last == Progress::Done);
    CHECK(detail(smb.facts, "dialect") == "3.1.1");
}

TEST_CASE("commands in one frame are all read") {
    const std::string first = smb2(1, false, le(25, 2) + zeros(38));
    Fed smb(make_smb());
    smb.stream(0, framed(smb2(1, false, le(25, 2) + zeros(38), first.size()) +
                         tree_connect2("\\\\192.0.2.7\\data")));
    CHECK(smb.last == Progress::Done);
    CHECK(smb.facts.hostname == "192.0.2.7");
}

TEST_CASE("SMB 1 gives dialect and server") {
    for (const bool unicode : {true, false}) {
        const std::string path = "\\\\OLDBOX\\PRINTER";
        // A password of one byte; in Unicode the path is aligned.
        const std::string tree = text("ff000000 0000 0100");
        const std::string name = unicode ? utf16(path) + zeros(2) : path + zeros(1);
        const std::string bytes = zeros(1) + name + std::string("?????\0", 6);
        Fed smb(make_smb());
        smb.stream(0, kNegotiate1);
        smb.stream(1, framed(smb1(0x72, true, true, le(1, 2) + zeros(32), zeros(8))));
        CHECK(smb.last == Progress::Known);
        CHECK(detail(smb.facts, "dialect") == "NT LM 0.12");
        smb.stream(0, kNegotiate1 + framed(smb1(0x75, false, unicode, tree, bytes)));
        CHECK(smb.last == Progress::Done);
        CHECK(smb.facts.hostname == "OLDBOX");
    }
}

TEST_CASE("SMB 1 may set up its session and connect at once") {
    const std::string path = zeros(1) + "\\\\A\\B" + std::string("\0?????\0", 7);
    // Behind the header, 1 + 26 bytes of words, and 2 + 4 bytes.
    const std::string setup = le(0x75, 2) + le(32 + 27 + 6, 2) + zeros(22);
    Fed smb(make_smb());
    smb.stream(0, framed(smb1(0x73, false, false, setup, zeros(4)) + le(4, 1) +
                         text("ff000000 0000 0100") + le(path.size(), 2) + path));
    CHECK(smb.last == Progress::Done);
    CHECK(smb.facts.hostname == "A");
}

TEST_CASE("a client of both versions is answered in version 2") {
    Fed smb(make_smb());
    smb.stream(0, kNegotiate1).stream(1, negotiate2_response(0x02ff));
    CHECK(detail(smb.facts, "dialect").empty());
    smb.stream(0, kNegotiate1 + kNegotiate2);
    smb.stream(1, negotiate2_response(0x02ff) + negotiate2_response(0x0202));
    CHECK(detail(smb.facts, "dialect") == "2.0.2");
}

TEST_CASE("encrypted and compressed messages are told") {
    Fed encrypted(make_smb());
    encrypted.stream(0, framed("\xfdSMB" + std::string(160, 'x')));
    CHECK(encrypted.last == Progress::Done);
    CHECK(encrypted.facts.protocol == "smb");
    CHECK(encrypted.facts.attributes == 0); // not TLS
    CHECK(detail(encrypted.facts, "encrypted") == "yes");

    const std::string one = framed("\xfcSMB" + le(4096, 4) + zeros(24));
    Fed compressed(make_smb());
    compressed.stream(0, one + one);
    CHECK(compressed.last == Progress::Known);
    CHECK(compressed.facts.details.size() == 1);
    CHECK(detail(compressed.facts, "compressed") == "yes");
}

TEST_CASE("SMB behind the opening of a NetBIOS session, and keep-alives") {
    Fed smb(make_smb());
    smb.stream(0, text("81000044") + std::string(68, 'A'));
    CHECK(smb.last == Progress::More);
    smb.stream(1, text("82000000"));
    CHECK(smb.last == Progress::More);
    smb.stream(0, text("81000044") + std::string(68, 'A') + text("85000000") + kNegotiate1);
    CHECK(smb.last == Progress::Known);
    CHECK(smb.facts.protocol == "smb");
}

TEST_CASE("hostile SMB messages name nobody") {
    const auto server_of = [](const std::string &message) {
        Fed smb(make_smb());
        smb.stream(0, framed(message));
        return smb.facts.hostname;
    };
    CHECK(server_of(tree_connect2("no path")).empty());
    CHECK(server_of(tree_connect2("\\\\a b\\c")).empty());
    CHECK(server_of(smb2(3, false, le(9, 2) + zeros(2) + le(0xffff, 2) + le(10, 2))).empty());
    CHECK(server_of(smb2(3, false, le(9, 2) + zeros(2) + le(72, 2) + le(0xffff, 2))).empty());
    CHECK(server_of(smb2(0, false, le(36, 2) + le(0xffff, 2) + zeros(40))).empty());
    CHECK(server_of(smb1(0x75, false, true, text("ff000000 0000 ffff"), "x")).empty());
    // A chain that points at itself.
    CHECK(server_of(smb1(0x73, false, false, le(0x73, 2) + le(32, 2), zeros(4))).empty());
}

TEST_CASE("a dialect that cannot be shown") {
    Fed smb(make_smb());
    smb.stream(0, framed(smb1(0x72, false, false, "", std::string("\2\xff\x1b[2J\0", 7))));
    smb.stream(1, framed(smb1(0x72, true, false, le(0, 2), "")));
    CHECK(detail(smb.facts, "dialect") == "?");
}

TEST_CASE("what is not SMB") {
    const auto begins = [](const std::string &data) {
        const Buffer bytes = bytes_of(data);
        return smb_begins({Transport::Tcp, 0, bytes, {}, false, bytes.size()});
    };
    CHECK(begins(text("00")));
    CHECK(begins(kNegotiate1));
    CHECK(begins(kNegotiate2));
    CHECK_FALSE(begins(text("00000010 fe534d42")));
    CHECK_FALSE(begins(text("00000068 fe534d43")));
    CHECK_FALSE(begins(text("00000068 fb")));
    CHECK_FALSE(begins(text("81000045")));
    CHECK_FALSE(begins(text("85000001")));
    CHECK_FALSE(begins("GET /"));

    for (const std::string &data :
         {text("00000022 ff534d42"), text("00000068 fe534d42 4100"), text("00000040 fd534d42"),
          text("00000040 fc534d42 00000001"), text("00000068 fe52"), text("83000001 80")}) {
        Fed smb(make_smb());
        CHECK(smb.stream(0, data, 1).last == Progress::NotMine);
        CHECK(smb.facts.protocol.empty());
    }
}
