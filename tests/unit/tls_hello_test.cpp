// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/ja4.hpp"
#include "core/dissect/tls_hello.hpp"
#include "support/hellos.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

/// The lists of the example in JA4's description, with GREASE strewn in.
Hello example() {
    Hello hello;
    hello.ciphers = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                     0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
    const std::vector<std::uint16_t> types{0xdada, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469,
                                           0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
                                           0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0x3a3a};
    for (const std::uint16_t type : types)
        hello.extensions.emplace_back(type, Buffer{});
    hello.extensions[2] = server_name("www.Example.COM");
    hello.extensions[4] = alpn(std::vector<std::string>{"h2", "http/1.1"});
    hello.extensions[8].second =
        numbers({0x0403, 0x0804, 0x0401, 0x4a4a, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}, 2);
    hello.extensions[12].second = numbers({0x6a6a, 0x0303, 0x0304}, 1);
    return hello;
}

ClientHello parsed(const Hello &hello, TlsOver over = TlsOver::Tcp) {
    ClientHello out;
    REQUIRE(parse_client_hello(client_hello(hello), out, over) == Parse::Done);
    return out;
}

std::string name_of(std::string_view sent) {
    Hello hello;
    hello.extensions = {server_name(sent)};
    return parsed(hello).server_name;
}

std::string alpn_in_ja4(const std::vector<Buffer> &names) {
    Hello hello;
    hello.extensions = {alpn(names)};
    return parsed(hello).ja4().substr(8, 2);
}

Buffer server_hello(const Buffer &random, const std::vector<Extension> &extensions) {
    Hello hello;
    hello.extensions = extensions;
    Buffer list = client_hello(hello);
    list.erase(list.begin(), list.begin() + 4 + 2 + 32 + 33 + 6 + 2);
    return handshake(2, join({{3, 3}, random, {0, 0x13, 0x01, 0}, list}));
}

} // namespace

TEST_CASE("a ClientHello gives its name, protocols, version and fingerprint") {
    const ClientHello hello = parsed(example());
    CHECK(hello.server_name == "www.example.com");
    CHECK(hello.alpn == std::vector<std::string>{"h2", "http/1.1"});
    CHECK(hello.legacy_version == 0x0303);
    CHECK(hello.version == 0x0304);
    CHECK(hello.session_id);
    CHECK_FALSE(hello.ech);
    CHECK_FALSE(hello.psk);
    CHECK(hello.ja4() == "t13d1516h2_8daaf6152771_e5627efa2ab1");
    CHECK(parsed(example(), TlsOver::Quic).ja4()[0] == 'q');
}

TEST_CASE("a ClientHello cut off anywhere asks for more") {
    const Buffer whole = client_hello(example());
    for (std::size_t size = 0; size < whole.size(); size++) {
        ClientHello hello;
        INFO(size);
        REQUIRE(parse_client_hello(Bytes(whole).first(size), hello, TlsOver::Tcp) == Parse::More);
        CHECK(hello.ja4().empty());
    }
    ClientHello hello;
    CHECK(parse_client_hello(Bytes(whole).first(whole.size() - 1), hello, TlsOver::Tcp) ==
          Parse::More);
    CHECK(hello.server_name == "www.example.com");
    CHECK(parse_client_hello(join({whole, {11, 0, 0, 1, 9}}), hello, TlsOver::Tcp) == Parse::Done);
}

TEST_CASE("what is no ClientHello is wrong") {
    const Buffer right = client_hello(example());
    ClientHello hello;
    const auto changed = [&](std::size_t at, std::uint8_t to) {
        Buffer bytes = right;
        bytes.at(at) = to;
        return parse_client_hello(bytes, hello, TlsOver::Tcp);
    };
    CHECK(changed(0, 2) == Parse::Wrong);                // type
    CHECK(changed(1, 1) == Parse::Wrong);                // longer than any hello
    CHECK(changed(3, right[3] - 1) == Parse::Wrong);     // shorter than what it holds
    CHECK(changed(4, 2) == Parse::Wrong);                // version
    CHECK(changed(4, 0xfe) == Parse::Wrong);             // DTLS's
    CHECK(changed(38, 33) == Parse::Wrong);              // session id
    CHECK(changed(72, right[72] + 1) == Parse::Wrong);   // odd list of ciphers
    CHECK(changed(105, 0) == Parse::Wrong);              // no compression
    CHECK(changed(108, right[108] + 1) == Parse::Wrong); // extensions beyond the message
    CHECK(parse_client_hello(hex("01 00 00 10 03 03"), hello, TlsOver::Tcp) == Parse::Wrong);
    CHECK(parse_client_hello(hex("01 00 30 00 00"), hello, TlsOver::Tcp) == Parse::More);
    CHECK(parse_client_hello(hex("01 00 30 00 47"), hello, TlsOver::Tcp) == Parse::More);
    CHECK(parse_client_hello(hex("01 00 30 00 47 45"), hello, TlsOver::Tcp) == Parse::Wrong);
}

TEST_CASE("a hello of TLS 1.0 needs no extensions") {
    Hello old;
    old.version = 0x0301;
    old.session.clear();
    old.ciphers = {0x002f};
    old.extended = false;
    const ClientHello hello = parsed(old);
    CHECK(hello.version == 0x0301);
    CHECK(hello.server_name.empty());
    CHECK_FALSE(hello.session_id);
    CHECK(hello.ja4().substr(0, 11) == "t10i010000_");
    CHECK(hello.ja4().substr(23) == "_000000000000");
    old.ciphers = {0x5a5a};
    CHECK(parsed(old).ja4() == "t10i000000_000000000000_000000000000");
}

TEST_CASE("host names are cleaned, and no others pass") {
    CHECK(name_of("A.Example.") == "a.example");
    CHECK(name_of("_x-1.example") == "_x-1.example");
    CHECK(name_of("2001:db8::1") == "2001:db8::1");
    CHECK(name_of("").empty());
    CHECK(name_of(".").empty());
    CHECK(name_of("a b").empty());
    CHECK(name_of("a\"b").empty());
    CHECK(name_of(std::string_view("a\0b", 3)).empty());
    CHECK(name_of("\xc3\xa4.example").empty());
    CHECK(name_of(std::string(253, 'a')).size() == 253);
    CHECK(name_of(std::string(254, 'a')).empty());
}

TEST_CASE("extensions that say how the connection goes on") {
    Hello sent;
    sent.extensions = {{0xfe0d, {0}}, {41, {}}, {42, {}}, {35, {1}}, {57, {}}};
    const ClientHello hello = parsed(sent);
    CHECK(hello.ech);
    CHECK(hello.psk);
    CHECK(hello.early_data);
    CHECK(hello.session_ticket);
    CHECK(hello.quic_parameters);
    sent.extensions = {{35, {}}};
    CHECK_FALSE(parsed(sent).session_ticket);
}

TEST_CASE("contents that make no sense leave a hello a hello") {
    Hello sent;
    sent.extensions = {{0, {0, 9, 0}}, {16, {0, 9, 3}}, {43, {9, 3}}, {13, {0}}};
    const ClientHello hello = parsed(sent);
    CHECK(hello.server_name.empty());
    CHECK(hello.alpn.empty());
    CHECK(hello.version == 0x0303);
    CHECK(hello.ja4().substr(0, 10) == "t12d020400");
}

TEST_CASE("JA4 writes the ends of the first protocol") {
    CHECK(alpn_in_ja4({}) == "00");
    CHECK(alpn_in_ja4({{}}) == "00");
    CHECK(alpn_in_ja4({bytes_of("http/1.1")}) == "h1");
    CHECK(alpn_in_ja4({bytes_of("h")}) == "hh");
    CHECK(alpn_in_ja4({{0xab}}) == "ab");
    CHECK(alpn_in_ja4({{0xab, 0xcd}}) == "ad");
    CHECK(alpn_in_ja4({{0x30, 0xab}}) == "3b");
    CHECK(alpn_in_ja4({{0x30, 0x31, 0xab, 0xcd}}) == "3d");
    CHECK(alpn_in_ja4({{0x30, 0xab, 0xcd, 0x31}}) == "01");
    CHECK(alpn_in_ja4({{0x1a, 0x1a}, bytes_of("h2")}) == "h2");
}

TEST_CASE("JA4's hashes and counts") {
    Ja4Input input;
    input.transport = 't';
    input.version = 0x0304;
    input.extensions = {0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d,
                        0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015};
    CHECK(ja4(input) == "t13i001600_000000000000_6d807ffa2a79");
    input.ciphers.assign(120, 0x1301);
    CHECK(ja4(input).substr(4, 2) == "99");
    input.extensions = {0, 16};
    CHECK(ja4(input).substr(24) == "000000000000");
    input.version = 0x7f1c;
    CHECK(ja4(input).substr(1, 2) == "00");
}

TEST_CASE("lists are bounded") {
    Hello sent;
    sent.extensions = {alpn(std::vector<std::string>(200, "x"))};
    CHECK(parsed(sent).alpn.size() == kMaxAlpn);
    sent.extensions.assign(3000, {5, {}});
    CHECK(parsed(sent).ja4().substr(6, 2) == "99");
    sent.extensions.assign(4090, {5, {}});
    ClientHello hello;
    CHECK(parse_client_hello(client_hello(sent), hello, TlsOver::Tcp) == Parse::Wrong);
}

TEST_CASE("a draft's version counts where there is no other") {
    Hello sent;
    sent.extensions = {{43, numbers({0x7f1c, 0x0304}, 1)}};
    CHECK(parsed(sent).version == 0x0304);
    sent.extensions = {{43, numbers({0x7f1c}, 1)}};
    CHECK(parsed(sent).version == 0x7f1c);
}

TEST_CASE("DTLS has a cookie, and versions that count down") {
    Hello sent = example();
    sent.version = 0xfefd;
    sent.datagram = true;
    sent.cookie = Buffer(20, 9);
    sent.extensions[12].second = numbers({0xfefd, 0xfefc, 0xfeff}, 1);
    const ClientHello hello = parsed(sent, TlsOver::Datagram);
    CHECK(hello.version == 0xfefc);
    CHECK(hello.ja4() == "dd3d1516h2_8daaf6152771_e5627efa2ab1");
    ClientHello other;
    CHECK(parse_client_hello(client_hello(example()), other, TlsOver::Datagram) == Parse::Wrong);
}

TEST_CASE("a ServerHello tells version, cipher and protocol") {
    ServerHello hello;
    const Buffer of_12 = server_hello(Buffer(32, 1), {alpn(std::vector<std::string>{"h2"})});
    REQUIRE(parse_server_hello(of_12, hello, TlsOver::Tcp) == Parse::Done);
    CHECK(hello.version == 0x0303);
    CHECK(hello.cipher == 0x1301);
    CHECK(hello.alpn == "h2");
    CHECK_FALSE(hello.hello_retry);
    for (std::size_t size = 0; size < of_12.size(); size++)
        CHECK(parse_server_hello(Bytes(of_12).first(size), hello, TlsOver::Tcp) == Parse::More);

    const Buffer retry = server_hello(hex("cf21ad74e59a6111be1d8c021e65b891"
                                          "c2a211167abb8c5e079e09e2c8a8339c"),
                                      {{43, {3, 4}}});
    REQUIRE(parse_server_hello(retry, hello, TlsOver::Tcp) == Parse::Done);
    CHECK(hello.version == 0x0304);
    CHECK(hello.hello_retry);

    Buffer bare = handshake(2, join({{3, 1}, Buffer(32), {0, 0, 0x2f, 0}}));
    REQUIRE(parse_server_hello(bare, hello, TlsOver::Tcp) == Parse::Done);
    CHECK(hello.cipher == 0x2f);
    bare[38] = 33;
    CHECK(parse_server_hello(bare, hello, TlsOver::Tcp) == Parse::Wrong);
}

TEST_CASE("the hello in SSLv2's format") {
    const Buffer right = join({hex("80 2e 01 03 01 00 15 00 00 00 10"), Buffer(21, 1), Buffer(16)});
    ClientHello hello;
    REQUIRE(parse_ssl2_client_hello(right, hello) == Parse::Done);
    CHECK(hello.version == 0x0301);
    CHECK(hello.ja4().empty());
    for (std::size_t size = 0; size < right.size(); size++)
        CHECK(parse_ssl2_client_hello(Bytes(right).first(size), hello) == Parse::More);
    for (const std::size_t at : {0U, 1U, 2U, 3U, 6U, 8U, 10U}) {
        Buffer wrong = right;
        wrong[at] ^= 0x41;
        if (at == 0)
            wrong[at] = 0x40;
        INFO(at);
        CHECK(parse_ssl2_client_hello(wrong, hello) == Parse::Wrong);
    }
}
