// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/tls_records.hpp"
#include "support/hellos.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

using namespace l7;
using namespace l7::test;

namespace {
Buffer large_hello(std::size_t padding) {
    Hello hello;
    hello.extensions = {{21, Buffer(padding)}, server_name("example.org")};
    return client_hello(hello);
}
} // namespace

TEST_CASE("a hello is joined over records, and comes in any segments") {
    const Buffer message = large_hello(3000);
    for (const std::size_t cut : {1U, 3U, 100U, 16384U}) {
        const Buffer stream = records(message, cut);
        TlsStart start;
        REQUIRE(read_tls_start(stream, start) == Parse::Done);
        CHECK(start.message == message);
        CHECK(start.record_version == 0x0301);
        for (std::size_t size = 0; size < stream.size(); size += 7)
            REQUIRE(read_tls_start(Bytes(stream).first(size), start) == Parse::More);
        ClientHello hello;
        CHECK(parse_client_hello(message, hello, TlsOver::Tcp) == Parse::Done);
        CHECK(hello.server_name == "example.org");
    }
}

TEST_CASE("only the first message is taken") {
    const Buffer first = handshake(2, join({{3, 3}, Buffer(32), {0, 0xc0, 0x2f, 0}}));
    TlsStart start;
    REQUIRE(read_tls_start(records(join({first, handshake(11, Buffer(50))})), start) ==
            Parse::Done);
    CHECK(start.message == first);
}

TEST_CASE("a hello of 16 KiB is the longest") {
    const Buffer fixed = large_hello(0);
    TlsStart start;
    CHECK(read_tls_start(records(large_hello(kMaxHello - fixed.size())), start) == Parse::Done);
    CHECK(read_tls_start(records(large_hello(kMaxHello - fixed.size() + 1)), start) ==
          Parse::Wrong);
}

TEST_CASE("what begins otherwise is wrong") {
    TlsStart start;
    CHECK(read_tls_start({}, start) == Parse::More);
    CHECK(read_tls_start(hex("16"), start) == Parse::More);
    CHECK(read_tls_start(hex("17 03 03 00 20"), start) == Parse::Wrong);
    CHECK(read_tls_start(hex("16 04"), start) == Parse::Wrong);
    CHECK(read_tls_start(hex("16 03 05"), start) == Parse::Wrong);
    CHECK(read_tls_start(hex("16 03 01 00 00"), start) == Parse::Wrong);
    CHECK(read_tls_start(hex("16 03 01 40 01"), start) == Parse::Wrong);
    CHECK(read_tls_start(hex("16 03 01 00 05 0b"), start) == Parse::Wrong);
    CHECK(read_tls_start(hex("16 03 01 00 02 01 00 17 03 01 00 02"), start) == Parse::Wrong);
    CHECK(read_tls_start(bytes_of("GET / HTTP/1.1"), start) == Parse::Wrong);
}

TEST_CASE("a refusal at the beginning") {
    TlsStart start;
    REQUIRE(read_tls_start(hex("15 03 01 00 02 02 28"), start) == Parse::Done);
    CHECK(start.alert == 40);
    CHECK(start.message.empty());
    CHECK(read_tls_start(hex("15 03 01 00 02 02"), start) == Parse::More);
    CHECK(read_tls_start(hex("15 03 01 00 02 03 28"), start) == Parse::Wrong);
    CHECK(read_tls_start(hex("15 03 01 00 20"), start) == Parse::Wrong);
}

TEST_CASE("a beginning in SSLv2's format") {
    const Buffer hello = join({hex("80 2e 01 03 01 00 15 00 00 00 10"), Buffer(21, 1), Buffer(16)});
    TlsStart start;
    REQUIRE(read_tls_start(join({hello, {1, 2, 3}}), start) == Parse::Done);
    CHECK(start.ssl2);
    CHECK(start.message == hello);
    CHECK(start.record_version == 0x0301);
    CHECK(read_tls_start(Bytes(hello).first(20), start) == Parse::More);
    CHECK(read_tls_start(hex("80 2e 02"), start) == Parse::Wrong);
}

TEST_CASE("records out of the middle of a connection") {
    const Buffer data = records(Buffer(500, 7), 200, 23, 0x0303);
    const Bytes all(data);
    CHECK(looks_like_tls_record_stream(all));
    CHECK(looks_like_tls_record_stream(all.first(210)));       // the next header is there
    CHECK_FALSE(looks_like_tls_record_stream(all.first(206))); // and here it is not
    CHECK(looks_like_tls_record_stream(all.first(205)));       // ends with its record
    CHECK_FALSE(looks_like_tls_record_stream(all.subspan(205).first(150)));
    CHECK(looks_like_tls_record_stream(all.subspan(50))); // from within a record
    CHECK_FALSE(looks_like_tls_record_stream(all.subspan(206).first(220)));
    CHECK_FALSE(looks_like_tls_record_stream(records(Buffer(500), 200, 23, 0x0401)));
    Buffer mixed = join({records(Buffer(20), 20, 23, 0x0303), records(Buffer(20), 20, 23, 0x0302)});
    CHECK_FALSE(looks_like_tls_record_stream(mixed));
    CHECK_FALSE(looks_like_tls_record_stream({}));

    std::mt19937 random(1);
    for (int i = 0; i < 2000; i++) {
        Buffer noise(1400);
        for (auto &byte : noise)
            byte = static_cast<std::uint8_t>(random());
        CHECK_FALSE(looks_like_tls_record_stream(noise));
    }
}
