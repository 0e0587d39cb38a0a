// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/dcerpc.hpp"
#include "support/dissecting.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

std::string text(std::string_view digits) {
    const Buffer bytes = hex(digits);
    return {bytes.begin(), bytes.end()};
}

// Interfaces as they are sent: their first three numbers in the sender's order.
const std::string kSamr = "78573412 3412 cdab ef00 0123456789ac";
const std::string kNetlogonBig = "12345678 1234 abcd ef00 01234567cffb";
const std::string kOther = "01020304 0506 0708 090a 0b0c0d0e0f10";
const std::string kNdr = "045d888a eb1c c911 9fe8 08002b104860 02000000";

/// C706, 12.6.4.3, with one context.
std::string bind(const std::string &interface, std::string_view type = "0b") {
    return text("0500" + std::string(type) + "03 10000000 4800 0000 01000000" +
                "b810 b810 00000000 01 00 0000 0000 01 00" + interface + "01000000" + kNdr);
}

const std::string kBindAck =
    text("05000c03 10000000 1c00 0000 01000000 b810 b810 00000001 0000 0000");
const std::string kRequest = text("05000003 10000000 1800 0000 02000000 00000000 0000 0500");

/// C706, 12.5, with a body of `size` bytes as the header says.
std::string datagram(bool little, const std::string &interface, unsigned size) {
    std::string length = text("0000");
    length[little ? 0 : 1] = static_cast<char>(size);
    return text(std::string("04002000") + (little ? "10" : "00") + "0000 00" +
                std::string(32, '0') + interface + std::string(68, '0')) +
           length + std::string(4, '\0');
}

struct Answer {
    Progress progress;
    Facts facts;
};

Answer ask(const std::string &data, std::uint64_t wire_size = 0) {
    const Buffer bytes = bytes_of(data);
    const View view{Transport::Udp, 0, bytes, {}, false, wire_size ? wire_size : bytes.size()};
    Answer out{};
    out.progress = make_dcerpc()->take(view, out.facts);
    CHECK((out.progress == Progress::NotMine || dcerpc_begins(view)));
    return out;
}

} // namespace

TEST_CASE("a bind tells the interface, however it is cut") {
    for (const std::size_t step : {1U, 7U, 1000U}) {
        Fed rpc(make_dcerpc());
        rpc.stream(0, bind(kSamr), step);
        CHECK(rpc.last == Progress::Done);
        CHECK(rpc.facts.protocol == "dcerpc");
        CHECK(detail(rpc.facts, "interface") == "12345778-1234-abcd-ef00-0123456789ac");
        CHECK(detail(rpc.facts, "service") == "samr");
    }
    Fed other(make_dcerpc());
    other.stream(0, bind(kOther, "0e"));
    CHECK(detail(other.facts, "interface") == "04030201-0605-0807-090a-0b0c0d0e0f10");
    CHECK(detail(other.facts, "service").empty());
}

TEST_CASE("a bind in the other order of bytes") {
    Fed rpc(make_dcerpc());
    rpc.stream(0,
               text("05010b03 00000000 0048 0000 00000001 10b8 10b8 00000000 01 00 0000 0000 01"
                    "00" +
                    kNetlogonBig + "00010000" + "8a885d04 1ceb 11c9 9fe8 08002b104860 00000002"));
    CHECK(rpc.last == Progress::Done);
    CHECK(detail(rpc.facts, "service") == "netlogon");
}

TEST_CASE("what comes before a bind, or instead of it") {
    Fed server(make_dcerpc());
    server.stream(1, kBindAck, 1);
    CHECK(server.last == Progress::Known);
    CHECK(server.facts.protocol == "dcerpc");
    server.stream(0, bind(kSamr));
    CHECK(server.last == Progress::Done);
    CHECK(detail(server.facts, "service") == "samr");

    Fed alone(make_dcerpc());
    alone.stream(1, kBindAck + text("05000203 10000000 1800 0000 02000000 00000000 0000 0000"));
    CHECK(alone.last == Progress::NotMine); // nothing more to learn
    CHECK(alone.facts.protocol == "dcerpc");

    Fed call(make_dcerpc());
    call.stream(0, kRequest);
    CHECK(call.last == Progress::NotMine);
    CHECK(call.facts.protocol.empty());
}

TEST_CASE("calls without connection tell their interface") {
    const Answer little = ask(datagram(true, kSamr, 100) + std::string(100, 'x'));
    CHECK(little.progress == Progress::Done);
    CHECK(little.facts.protocol == "dcerpc");
    CHECK(detail(little.facts, "service") == "samr");
    const Answer big = ask(datagram(false, kNetlogonBig, 0));
    CHECK(detail(big.facts, "interface") == "12345678-1234-abcd-ef00-01234567cffb");
    // With authentication behind the body, and a datagram of which only the head is at hand.
    CHECK(ask(datagram(true, kSamr, 8) + std::string(40, 'x')).progress == Progress::Done);
    CHECK(ask(datagram(true, kSamr, 200), 280).progress == Progress::Done);
}

TEST_CASE("what is no call") {
    CHECK(ask(datagram(true, kSamr, 8)).progress == Progress::NotMine);
    CHECK(ask(datagram(true, kSamr, 8) + std::string(89, 'x')).progress == Progress::NotMine);
    CHECK(ask(datagram(true, std::string(32, '0'), 0)).progress == Progress::NotMine);
    const std::string good = datagram(true, kSamr, 0);
    CHECK(ask(good.substr(0, 79)).progress == Progress::NotMine);
    for (const auto &[at, byte] : std::initializer_list<std::pair<std::size_t, char>>{
             {0, '\5'}, {1, '\x0b'}, {3, '\4'}, {4, '\x11'}, {5, '\4'}, {6, '\1'}}) {
        std::string bad = good;
        bad[at] = byte;
        CHECK(ask(bad).progress == Progress::NotMine);
    }

    for (const auto &[at, byte] :
         std::initializer_list<std::pair<std::size_t, char>>{{0, '\4'},
                                                             {1, '\2'},
                                                             {2, '\x0a'},
                                                             {2, '\x15'},
                                                             {4, '\x11'},
                                                             {5, '\4'},
                                                             {6, '\1'},
                                                             {7, '\1'},
                                                             {10, '\x40'}}) {
        std::string bad = bind(kSamr);
        bad[at] = byte;
        Fed rpc(make_dcerpc());
        CHECK(rpc.stream(0, bad, 1).last == Progress::NotMine);
        CHECK(rpc.facts.protocol.empty());
        const Buffer bytes = bytes_of(bad);
        CHECK((at == 10) == dcerpc_begins({Transport::Tcp, 0, bytes, {}, false, bytes.size()}));
    }
}

TEST_CASE("a bind too small for an interface is passed over") {
    Fed rpc(make_dcerpc());
    rpc.stream(0, text("05000b03 10000000 1c00 0000 01000000 b810 b810 00000000 0000 0000"), 1);
    CHECK(rpc.last == Progress::Known);
    CHECK(rpc.facts.details.empty());
}
