// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/google_quic.hpp"
#include "core/dissect/quic_initial.hpp"
#include "support/hellos.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <random>

using namespace l7;
using namespace l7::test;

namespace {

Buffer part(const Buffer &whole, std::size_t from, std::size_t size) {
    const Bytes bytes = Bytes(whole).subspan(from, std::min(size, whole.size() - from));
    return {bytes.begin(), bytes.end()};
}

/// A hello that takes several Initials.
Buffer large_hello(std::size_t padding = 2500) {
    Hello hello;
    hello.extensions = {{21, Buffer(padding)},
                        server_name("video.example.org"),
                        alpn(std::vector<std::string>{"h3"}),
                        {43, {2, 3, 4}}};
    return client_hello(hello);
}

/// The hello in CRYPTO frames, one Initial for each `size` bytes of it.
std::vector<Buffer> initials(const Buffer &hello, std::size_t size, Initial like = {}) {
    std::vector<Buffer> out;
    for (std::size_t at = 0; at < hello.size(); at += size) {
        like.frames = crypto_frame(at, part(hello, at, size));
        out.push_back(seal(like));
        like.number++;
    }
    return out;
}

Buffer small_hello() {
    return large_hello(100);
}

Buffer google_hello(std::string_view name) {
    const std::string_view agent = "Chrome/50.0";
    Buffer out = join({bytes_of("CHLO"), {3, 0, 0, 0}, bytes_of("PAD"), {0, 200, 0, 0, 0}});
    const auto end = static_cast<std::uint8_t>(200 + name.size());
    out = join({out, bytes_of("SNI"), {0, end, 0, 0, 0}, bytes_of("UAID")});
    out = join({out, {static_cast<std::uint8_t>(end + agent.size()), 0, 0, 0}, Buffer(200, '-')});
    return join({out, bytes_of(name), bytes_of(agent)});
}

} // namespace

TEST_CASE("Initials of every version open, in every order") {
    std::mt19937 random(3);
    const Buffer hello = large_hello();
    for (const std::uint32_t version :
         {0x00000001U, 0x6b3343cfU, 0x709a50c4U, 0xff000022U, 0xff00001dU, 0xff000020U, 0xff00001bU,
          0xff000017U, 0xff000016U, 0xfaceb001U, 0xfaceb002U}) {
        Initial like;
        like.version = version;
        like.scid = hex("0102030405");
        auto datagrams = initials(hello, 1000, like);
        REQUIRE(datagrams.size() == 3);
        for (int round = 0; round < 6; round++) {
            std::ranges::shuffle(datagrams, random);
            QuicInitial quic;
            INFO(version);
            CHECK(quic.add(datagrams[0], false) == Parse::More);
            CHECK(quic.authenticated());
            CHECK(quic.add(datagrams[0], false) == Parse::More);
            CHECK(quic.add(datagrams[1], false) == Parse::More);
            REQUIRE(quic.add(datagrams[2], false) == Parse::Done);
            CHECK(quic.hello().server_name == "video.example.org");
            CHECK(quic.hello().ja4().substr(0, 10) == "q13d0204h3");
            CHECK(quic.version() == version);
            CHECK(quic.client() == false);
        }
    }
}

TEST_CASE("frames are shuffled within and over packets") {
    std::mt19937 random(5);
    const Buffer hello = large_hello(700);
    for (int round = 0; round < 100; round++) {
        std::vector<Buffer> frames{
            {1}, {0, 0, 0}, hex("02 05 00 01 01 00 01"), hex("03 05 00 00 01 01 02 03")};
        for (std::size_t at = 0; at < hello.size();) {
            const std::size_t size = 1 + random() % 60;
            frames.push_back(crypto_frame(at, part(hello, at, size)));
            at += size;
        }
        std::ranges::shuffle(frames, random);
        const auto middle = frames.begin() + static_cast<std::ptrdiff_t>(frames.size() / 2);
        Initial first, second;
        first.frames = join({frames.begin(), middle});
        second.frames = join({middle, frames.end()});
        second.number = 1;
        second.number_size = 1 + static_cast<unsigned>(random() % 4);
        QuicInitial quic;
        CHECK(quic.add(seal(first), true) == Parse::More);
        REQUIRE(quic.add(seal(second), true) == Parse::Done);
        CHECK(quic.hello().server_name == "video.example.org");
    }
}

TEST_CASE("coalesced packets") {
    const auto packets = initials(small_hello(), 150, {.padded_to = 0});
    Buffer all;
    for (const Buffer &packet : packets)
        all = join({all, packet});
    const Buffer zero_rtt =
        long_header(0xd3, 1, hex("8394c8f03e515708"), {}, join({varint2(40), Buffer(40, 9)}));
    QuicInitial quic;
    CHECK(quic.add(join({zero_rtt, all, hex("40 01 02")}), false) == Parse::Done);
}

TEST_CASE("a server's packets come first or in between") {
    const Buffer server = seal({.seed = hex("8394c8f03e515708"),
                                .dcid = hex("aabbccdd"),
                                .scid = hex("1122334455667788"),
                                .of_client = false,
                                .frames = crypto_frame(0, Buffer(90, 2))});
    QuicInitial quic;
    CHECK(quic.add(server, false) == Parse::More);
    CHECK_FALSE(quic.authenticated());
    const auto datagrams = initials(large_hello(), 2000);
    CHECK(quic.add(datagrams[0], true) == Parse::More);
    CHECK(quic.client() == true);
    CHECK(quic.add(server, false) == Parse::More);
    // From here on the client writes to the id that the server chose; the keys stay.
    const auto later = initials(large_hello(), 2000,
                                {.seed = hex("8394c8f03e515708"), .dcid = hex("1122334455667788")});
    CHECK(quic.add(later[1], true) == Parse::Done);
}

TEST_CASE("Retry changes the keys") {
    const auto before = initials(large_hello(), 1000);
    Initial like;
    like.dcid = hex("f067a5502a4262b5");
    like.token = bytes_of("token");
    const auto after = initials(large_hello(), 1000, like);
    QuicInitial quic;
    CHECK(quic.add(before[0], false) == Parse::More);
    CHECK(quic.add(hex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba"),
                   true) == Parse::More);
    CHECK(quic.retry());
    CHECK(quic.add(after[2], false) == Parse::More);
    CHECK(quic.add(after[1], false) == Parse::More);
    CHECK(quic.add(after[0], false) == Parse::Done);

    QuicInitial joined_late;
    CHECK(joined_late.add(hex("cf6b3343cf0008f067a5502a4262b5746f6b656e"
                              "c8646ce8bfe33952d955543665dcc7b6"),
                          false) == Parse::More);
    CHECK(joined_late.retry());
    CHECK(joined_late.client() == true);
    like.version = 0x6b3343cf;
    CHECK(joined_late.add(initials(small_hello(), 2000, like)[0], true) == Parse::Done);
}

TEST_CASE("Version Negotiation, and the connection that follows it") {
    const Buffer id = hex("8394c8f03e515708");
    QuicInitial quic;
    CHECK(quic.add(long_header(0xc3, 0x1a2a3a4a, id, {}, Buffer(1180, 0x5a)), false) ==
          Parse::More);
    CHECK_FALSE(quic.authenticated());
    const Buffer negotiation = long_header(0x80, 0, {}, id, hex("00000001 6b3343cf"));
    CHECK(quic.add(negotiation, true) == Parse::More);
    CHECK(quic.version_negotiation());
    CHECK(quic.add(initials(small_hello(), 2000)[0], false) == Parse::Done);
    CHECK_FALSE(read_quic_packet(long_header(0x80, 0, {}, id, hex("000000"))));
}

TEST_CASE("what is not QUIC is wrong") {
    QuicInitial quic;
    CHECK(quic.add({}, false) == Parse::Wrong);
    CHECK(quic.add(hex("40 01 02 03 04 05 06 07 08 09"), false) == Parse::Wrong);
    CHECK(quic.add(long_header(0xc3, 0x12345678, Buffer(8), {}, Buffer(1200)), false) ==
          Parse::Wrong);
    CHECK(quic.add(long_header(0xc3, 1, Buffer(21), {}, Buffer(1200)), false) == Parse::Wrong);
    Buffer cut = initials(small_hello(), 2000)[0];
    cut.pop_back();
    CHECK(quic.add(cut, false) == Parse::Wrong);
    Buffer changed = initials(small_hello(), 2000)[0];
    changed.back() ^= 1;
    CHECK(quic.add(changed, false) == Parse::More); // looks like it, proves nothing
    CHECK_FALSE(quic.authenticated());
}

TEST_CASE("an Initial without a hello") {
    QuicInitial quic;
    CHECK(quic.add(seal({.frames = crypto_frame(0, Buffer(100, 2))}), false) == Parse::Wrong);
    CHECK(quic.authenticated());
    QuicInitial closed;
    CHECK(closed.add(seal({.frames = hex("1c 0a 00 00")}), false) == Parse::More);
    CHECK(closed.authenticated());
}

TEST_CASE("the work for one flow is bounded") {
    QuicInitial quic;
    Initial like;
    for (unsigned i = 0; i < QuicInitial::kAttempts; i++) {
        like.number = i;
        like.frames = crypto_frame(1000 + i * 20, Buffer(10));
        CHECK(quic.add(seal(like), false) == Parse::More);
    }
    like.frames = crypto_frame(0, small_hello());
    CHECK(quic.add(seal(like), false) == Parse::More);
    CHECK(quic.memory() < 2 * kMaxHello);
}

TEST_CASE("Google's versions in the clear") {
    const Buffer hello = google_hello("www.example.com");
    const Buffer q043 = join({hex("09 d390e55a99a69572"),
                              bytes_of("Q043"),
                              {1},
                              Buffer(12, 9),
                              hex("a0 01 00 04"),
                              hello});
    QuicInitial quic;
    REQUIRE(quic.add(q043, true) == Parse::Done);
    CHECK(quic.hello().server_name == "www.example.com");
    CHECK(quic.user_agent() == "Chrome/50.0");
    CHECK(quic.version() == google_version('Q', 43));
    CHECK(quic.client() == true);

    QuicInitial q046;
    REQUIRE(q046.add(join({{0xc3},
                           bytes_of("Q046"),
                           hex("50 0102030405060708 00000001"),
                           Buffer(12, 9),
                           hex("a0 01 00 04"),
                           hello}),
                     false) == Parse::Done);
    CHECK(q046.hello().server_name == "www.example.com");
    CHECK(q046.version() == google_version('Q', 46));

    QuicInitial later;
    CHECK(later.add(join({hex("0d d390e55a99a69572"), bytes_of("Q039"), Buffer(100, 9)}), true) ==
          Parse::More);
    CHECK(later.version() == google_version('Q', 39));

    QuicInitial rejected;
    CHECK(rejected.add(join({hex("08 d390e55a99a69572 01"), Buffer(12, 9), hex("a0 01 00 04"),
                             bytes_of("REJ"), hex("00 07 00 00 00"), bytes_of("STK"), Buffer(60)}),
                       false) == Parse::More);
    CHECK(rejected.client() == true);

    CHECK_FALSE(google_quic_version(join({hex("09 d390e55a99a69572"), bytes_of("Q044")})));
    CHECK_FALSE(google_quic_version(join({{0xc3}, bytes_of("Q043")})));
    CHECK_FALSE(google_quic_version(join({hex("01 d390e55a99a69572"), bytes_of("Q043")})));
}

TEST_CASE("Google's versions under Initial keys") {
    for (const std::uint32_t version : {google_version('Q', 50), google_version('T', 50)}) {
        const bool tls = version >> 24 == 'T';
        const Buffer hello = tls ? small_hello() : google_hello("video.example.org");
        Initial like;
        like.version = version;
        like.frames = join({{7}, crypto_frame(0, hello, 8)});
        QuicInitial quic;
        REQUIRE(quic.add(seal(like), false) == Parse::Done);
        CHECK(quic.hello().server_name == "video.example.org");
        CHECK(quic.hello().ja4().empty() == !tls);
    }
}

TEST_CASE("a CHLO's index is not to be trusted") {
    GoogleHello out;
    const Buffer right = google_hello("a.example");
    CHECK(parse_google_hello(right, out) == Parse::Done);
    for (std::size_t size = 0; size < right.size(); size++)
        CHECK(parse_google_hello(Bytes(right).first(size), out) == Parse::More);
    Buffer wrong = right;
    wrong[4] = 129;
    CHECK(parse_google_hello(wrong, out) == Parse::Wrong);
    wrong = right;
    wrong[20] = 199; // ends before it begins
    CHECK(parse_google_hello(wrong, out) == Parse::Wrong);
    wrong = right;
    wrong[15] = 0x7f;
    CHECK(parse_google_hello(wrong, out) == Parse::Wrong);
}
