// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/dtls_hello.hpp"
#include "support/hellos.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <random>

using namespace l7;
using namespace l7::test;

namespace {

Buffer hello_body(const Buffer &cookie = {}, std::size_t padding = 1500) {
    Hello hello;
    hello.version = 0xfefd;
    hello.datagram = true;
    hello.cookie = cookie;
    hello.extensions = {{21, Buffer(padding)}, server_name("turn.example.net")};
    Buffer message = client_hello(hello);
    message.erase(message.begin(), message.begin() + 4);
    return message;
}

const Buffer kVerify = join({{0xfe, 0xff}, with_length(Buffer(20, 3), 1)});

} // namespace

TEST_CASE("a DTLS hello in one datagram") {
    const Buffer body = hello_body();
    DtlsHello dtls;
    REQUIRE(dtls.add(dtls_fragment(1, 0, body, 0, body.size())) == Parse::Done);
    REQUIRE(dtls.client());
    CHECK(dtls.client()->server_name == "turn.example.net");
    CHECK(dtls.client()->ja4()[0] == 'd');
    CHECK_FALSE(dtls.server());
}

TEST_CASE("fragments of a DTLS hello come in any order, twice, and overlap") {
    const Buffer body = hello_body();
    std::mt19937 random(7);
    for (int round = 0; round < 50; round++) {
        std::vector<Buffer> datagrams;
        for (std::size_t at = 0; at < body.size(); at += 300) {
            const std::size_t from = at - std::min<std::size_t>(at, random() % 50);
            datagrams.push_back(
                dtls_fragment(1, 0, body, from, std::min(body.size(), at + 300) - from, at));
        }
        datagrams.push_back(datagrams[0]);
        std::shuffle(datagrams.begin(), datagrams.end(), random);
        DtlsHello dtls;
        for (const Buffer &datagram : datagrams)
            CHECK(dtls.add(datagram) != Parse::Wrong);
        REQUIRE(dtls.client());
        CHECK(dtls.client()->server_name == "turn.example.net");
    }
}

TEST_CASE("two fragments in one datagram, in one record or two") {
    const Buffer body = hello_body();
    const Buffer first = dtls_fragment(1, 0, body, 0, 800),
                 second = dtls_fragment(1, 0, body, 800, body.size() - 800, 1);
    DtlsHello two;
    CHECK(two.add(join({first, second})) == Parse::Done);

    Buffer one = join({first, Buffer(second.begin() + 13, second.end())});
    one[11] = static_cast<std::uint8_t>((one.size() - 13) >> 8);
    one[12] = static_cast<std::uint8_t>(one.size() - 13);
    DtlsHello dtls;
    CHECK(dtls.add(one) == Parse::Done);
}

TEST_CASE("the hello after a HelloVerifyRequest is another message") {
    const Buffer before = hello_body(), after = hello_body(Buffer(20, 3));
    DtlsHello dtls;
    CHECK(dtls.add(dtls_fragment(1, 0, before, 0, 700)) == Parse::More);
    CHECK(dtls.add(dtls_fragment(3, 0, kVerify, 0, kVerify.size(), 0, 0xfeff)) == Parse::More);
    CHECK(dtls.add(dtls_fragment(1, 1, after, 700, after.size() - 700, 2)) == Parse::More);
    CHECK(dtls.partial_client().server_name.empty());
    CHECK(dtls.add(dtls_fragment(1, 1, after, 0, 700, 1)) == Parse::Done);
    CHECK(dtls.client()->server_name == "turn.example.net");
}

TEST_CASE("a ServerHello, and encrypted records after it") {
    const Buffer body = join({{0xfe, 0xfd}, Buffer(32, 1), {0, 0xc0, 0x2b, 0}});
    DtlsHello dtls;
    REQUIRE(dtls.add(dtls_fragment(2, 1, body, 0, body.size(), 1)) == Parse::Done);
    REQUIRE(dtls.server());
    CHECK(dtls.server()->cipher == 0xc02b);
    CHECK(dtls.server()->version == 0xfefd);
    CHECK(dtls.add(hex("2f 00 01 02 03 04")) == Parse::Done);
}

TEST_CASE("what is no DTLS is wrong, and what follows DTLS never") {
    DtlsHello dtls;
    CHECK(dtls.add({}) == Parse::Wrong);
    CHECK(dtls.add(hex("16 03 03 00 00 00 00 00 00 00 00 00 02 01 02")) == Parse::Wrong);
    CHECK(dtls.add(bytes_of("OPTIONS sip:x SIP/2.0")) == Parse::Wrong);
    const Buffer body = hello_body();
    Buffer cut = dtls_fragment(1, 0, body, 0, 400);
    cut.pop_back();
    CHECK(dtls.add(cut) == Parse::Wrong);
    Buffer beyond = dtls_fragment(1, 0, Buffer(10), 0, 10);
    beyond[16] = 9; // the message is shorter than its fragment
    CHECK(dtls.add(beyond) == Parse::Wrong);
    CHECK(dtls.add(dtls_fragment(1, 0, body, 0, 400)) == Parse::More);
    CHECK(dtls.add(bytes_of("anything")) == Parse::More);
}

TEST_CASE("a DTLS hello's memory is bounded") {
    DtlsHello dtls;
    const Buffer body(kMaxHello - 4);
    Buffer large(100'000);
    for (std::size_t at = 0; at + 10 < body.size(); at += 20)
        dtls.add(dtls_fragment(1, 0, body, at + 1, 9, at));
    CHECK(dtls.add(dtls_fragment(1, 0, large, 0, 1000)) != Parse::Done);
    CHECK(dtls.memory() < 2 * kMaxHello);
}
