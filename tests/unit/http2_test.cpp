// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/http2.hpp"
#include "support/dissecting.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string text(std::string_view digits) {
    const Buffer bytes = hex(digits);
    return {bytes.begin(), bytes.end()};
}

std::string frame(unsigned type, unsigned flags, unsigned stream, const std::string &payload) {
    std::string out;
    for (const unsigned shift : {16U, 8U, 0U})
        out += static_cast<char>(payload.size() >> shift);
    out += static_cast<char>(type);
    out += static_cast<char>(flags);
    out += std::string(3, '\0') + static_cast<char>(stream);
    return out + payload;
}

const std::string kSettings = frame(4, 0, 0, text("0003 00000064 0004 00a00000"));
const std::string kWindow = frame(8, 0, 0, text("01ff0001"));
// RFC 7541, C.4.1; then user-agent and content-type as literals.
const std::string kGet = text("828684418cf1e3c2e5f23a6ba0ab90f4ff");
const std::string kAgent = text("7a") + "\x04test";

std::string grpc_block() {
    return text("838645") + "\x06/a.B/C" + text("41") + "\x0fg.example:50051" + text("5f") +
           "\x16"
           "application/grpc+proto" +
           kAgent;
}

Fed client(const std::string &frames, std::size_t step = 1000) {
    Fed out(make_http2());
    out.stream(0, std::string(kPreface) + frames, step);
    return out;
}

} // namespace

TEST_CASE("the first request over HTTP/2 gives its host, however it is cut") {
    const std::string all = kSettings + kWindow + frame(1, 5, 1, kGet + kAgent);
    for (const std::size_t step : {1U, 2U, 7U, 1000U}) {
        const Fed http2 = client(all, step);
        CHECK(http2.last == Progress::Done);
        CHECK(http2.facts.protocol == "http2");
        CHECK_FALSE(http2.facts.carrier);
        CHECK(http2.facts.hostname == "www.example.com");
        CHECK(detail(http2.facts, "method") == "GET");
        CHECK(detail(http2.facts, "user-agent") == "test");
        CHECK(http2.facts.details.size() == 2);
    }
}

TEST_CASE("gRPC is known by its content type") {
    for (const std::size_t step : {1U, 1000U}) {
        const Fed grpc = client(kSettings + frame(1, 4, 1, grpc_block()), step);
        CHECK(grpc.last == Progress::Done);
        CHECK(grpc.facts.protocol == "grpc");
        CHECK(grpc.facts.hostname == "g.example");
        CHECK(detail(grpc.facts, "content-type") == "application/grpc+proto");
    }
}

TEST_CASE("a header block may be padded, have a priority, and go on in other frames") {
    const std::string priority = text("80000000 0f");
    const std::string padding(3, '\0');
    for (const std::string &frames :
         {frame(1, 0x0c, 1, "\x03" + kGet + padding), frame(1, 0x24, 1, priority + kGet),
          frame(1, 0x2c, 1, "\x03" + priority + kGet + padding),
          frame(1, 0, 1, kGet.substr(0, 6)) + frame(9, 0, 1, kGet.substr(6, 2)) +
              frame(9, 4, 1, kGet.substr(8)),
          frame(1, 0x28, 1, "\x03" + priority + kGet.substr(0, 9) + padding) +
              frame(9, 4, 1, kGet.substr(9))})
        for (const std::size_t step : {1U, 1000U}) {
            const Fed http2 = client(kSettings + frames, step);
            CHECK(http2.last == Progress::Done);
            CHECK(http2.facts.hostname == "www.example.com");
        }
}

TEST_CASE("a block whose end does not come gives what is there") {
    const Fed http2 =
        client(kSettings + frame(1, 4, 1, kGet + std::string(100, '\x10')).substr(0, 40));
    CHECK(http2.last == Progress::Known);
    CHECK(http2.facts.hostname == "www.example.com");
}

TEST_CASE("the host may be where HTTP/1 has it") {
    const Fed http2 = client(kSettings + frame(1, 5, 1,
                                               text("82868466") + "\x0b"
                                                                  "a.example:1"));
    CHECK(http2.facts.hostname == "a.example");
}

TEST_CASE("what is decompressed is fit to be shown") {
    const Fed http2 = client(kSettings + frame(1, 5, 1,
                                               text("828684") +
                                                   "\x41\x04"
                                                   "a\n.b" +
                                                   "\x7a\x02\x1b\xff"));
    CHECK(http2.facts.hostname == "a?.b");
    CHECK(detail(http2.facts, "user-agent") == "??");
}

TEST_CASE("the server adds nothing") {
    Fed http2(make_http2());
    http2.stream(0, kPreface);
    CHECK(http2.last == Progress::Known);
    http2.stream(1, kSettings + frame(1, 4, 1, text("88")));
    CHECK(http2.last == Progress::Known);
    CHECK(http2.facts.protocol == "http2");
    http2.stream(0, std::string(kPreface) + kSettings + frame(1, 5, 1, kGet));
    CHECK(http2.last == Progress::Done);
}

TEST_CASE("behind the preface, what breaks the rules ends the search") {
    for (const std::string &frames :
         {frame(1, 5, 1, kGet), kSettings + frame(1, 5, 0, kGet), kSettings + frame(9, 4, 1, kGet),
          kSettings + frame(1, 0, 1, kGet.substr(0, 2)) + kWindow,
          kSettings + frame(1, 0, 1, kGet.substr(0, 2)) + frame(9, 4, 3, kGet),
          kSettings + frame(1, 0x0c, 1, "\x7f" + kGet), kSettings + frame(1, 0x0c, 1, ""),
          kSettings + frame(1, 5, 1, "\x80")}) {
        const Fed http2 = client(frames);
        CHECK(http2.last == Progress::Done);
        CHECK(http2.facts.protocol == "http2");
        CHECK(http2.facts.hostname.empty());
    }
}

TEST_CASE("what does not begin with the preface is not looked at") {
    const auto begins = [](std::string_view data) {
        const Buffer bytes = bytes_of(data);
        return http2_begins({Transport::Tcp, 0, bytes, {}, false, bytes.size()});
    };
    CHECK(begins("P"));
    CHECK(begins(kPreface));
    CHECK(begins(std::string(kPreface) + kSettings));
    CHECK_FALSE(begins(""));
    CHECK_FALSE(begins("POST / HTTP/1.1\r\n"));
    CHECK_FALSE(begins("PRI * HTTP/2.0\r\n\r\nXX"));

    Fed other(make_http2());
    other.stream(0, "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", 5);
    CHECK(other.last == Progress::NotMine);
    CHECK(other.facts.protocol.empty());
}
