// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/dns.hpp"
#include "core/dissect/http.hpp"
#include "core/dissect/rtp.hpp"
#include "core/dissect/tls_certificate.hpp"
#include "support/dissecting.hpp"
#include "support/hellos.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <openssl/x509v3.h>

using namespace l7;
using namespace l7::test;

namespace {

constexpr const char *kGet = "GET /index.html HTTP/1.1\r\nHost: www.Example.org:8080\r\n"
                             "User-Agent: curl/7.88.1\r\n\r\n";

} // namespace

TEST_CASE("an HTTP request gives its host, however it is cut") {
    for (const std::size_t step : {1U, 2U, 7U, 1000U}) {
        Fed http(make_http());
        http.stream(0, kGet, step);
        CHECK(http.last == Progress::Done);
        CHECK(http.facts.protocol == "http");
        CHECK(http.facts.carrier);
        CHECK(http.facts.hostname == "www.Example.org");
        CHECK(detail(http.facts, "method") == "GET");
        CHECK(detail(http.facts, "user-agent") == "curl/7.88.1");
    }
}

TEST_CASE("what goes through a proxy names its server") {
    const std::string asked = "CONNECT 192.0.2.7:443 HTTP/1.1\r\n\r\n";
    const Buffer hello =
        records(client_hello({.extensions = {server_name("inner.example.org")}}), 100);
    for (const std::size_t step : {1U, 13U, 5000U}) {
        Fed tls(make_http());
        tls.stream(0, asked);
        tls.stream(1, "HTTP/1.1 200 Connection established\r\n\r\n");
        CHECK(tls.last == Progress::Known);
        tls.stream(0, asked + std::string(hello.begin(), hello.end()), step);
        CHECK(tls.last == Progress::Done);
        CHECK(tls.facts.protocol == "http-connect");
        CHECK(tls.facts.hostname == "inner.example.org");
        CHECK(tls.facts.attributes == L7_A_TLS);
    }
    Fed other(make_http());
    other.stream(0, asked + "SSH-2.0-x\r\n");
    CHECK(other.last == Progress::Done);
    CHECK(other.facts.hostname == "192.0.2.7");
    CHECK(other.facts.attributes == 0);
    Fed refused(make_http());
    refused.stream(0, asked);
    refused.stream(1, "HTTP/1.1 403 Forbidden\r\n\r\n");
    CHECK(refused.last == Progress::Done);
}

TEST_CASE("what HTTP requests lead to") {
    Fed connect(make_http());
    connect.stream(0,
                   "CONNECT mail.example.org:993 HTTP/1.1\r\nHost: mail.example.org:993\r\n\r\n");
    CHECK(connect.facts.protocol == "http-connect");
    CHECK(connect.facts.hostname == "mail.example.org");
    CHECK(connect.last == Progress::Known); // what follows may tell more

    Fed proxy(make_http());
    proxy.stream(0, "GET http://www.example.net/a HTTP/1.1\r\nHost: other\r\n\r\n");
    CHECK(proxy.facts.hostname == "www.example.net");

    Fed ipv6(make_http());
    ipv6.stream(0, "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n");
    CHECK(ipv6.facts.hostname == "2001:db8::1");

    Fed socket(make_http());
    socket.stream(0, "GET /chat HTTP/1.1\r\nHost: ws.example.org\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\n\r\n");
    CHECK(socket.last == Progress::Known); // the server may refuse
    CHECK(socket.facts.protocol == "http");
    socket.stream(1, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n");
    CHECK(socket.last == Progress::Done);
    CHECK(socket.facts.protocol == "websocket");
    CHECK(socket.facts.hostname == "ws.example.org");
}

TEST_CASE("what HTTP says is made fit for terminals and JSON") {
    Fed http(make_http());
    http.stream(0, "GET / HTTP/1.1\r\nHost: a\xff.example\r\nUser-Agent: \x1b[2Jx\xfe\r\n\r\n");
    CHECK(http.facts.hostname == "a?.example");
    CHECK(detail(http.facts, "user-agent") == "?[2Jx?");
}

TEST_CASE("HTTP/2 by way of an upgrade, as soon as the server agrees") {
    constexpr const char *kAsks = "GET / HTTP/1.1\r\nHost: h2.example.org\r\nConnection: Upgrade, "
                                  "HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n";
    for (const std::size_t step : {1U, 5U, 1000U}) {
        Fed upgrade(make_http());
        CHECK(upgrade.stream(0, kAsks, step).last == Progress::Known);
        upgrade.stream(1, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", step);
        CHECK(upgrade.last == Progress::Done);
        CHECK(upgrade.facts.protocol == "http2");
        CHECK(upgrade.facts.hostname == "h2.example.org");
    }
    Fed refused(make_http());
    refused.stream(0, kAsks).stream(1, "HTTP/1.1 200 OK\r\n");
    CHECK(refused.last == Progress::Done);
    CHECK(refused.facts.protocol == "http");
}

TEST_CASE("what is not HTTP") {
    for (const char *text : {"GET /", "GET / HTTP/1.1", "G"}) {
        Fed http(make_http());
        CHECK(http.stream(0, text).last == Progress::More);
        CHECK(http.facts.protocol.empty());
    }
    for (const char *text : {"GET / FTP/1.1\r\n", "G(T / HTTP/1.1\r\n", "INVITE sip:a SIP/2.0\r\n",
                             "GET\r\n", "HTTP/1.1 abc\r\n", "GET \x01 HTTP/1.1\r\n"}) {
        Fed http(make_http());
        INFO(text);
        CHECK(http.stream(0, text).last == Progress::NotMine);
        CHECK(http.facts.protocol.empty());
    }
}

TEST_CASE("a DNS answer binds its addresses to the name asked for") {
    Facts facts;
    // www.example.org is an alias of host.example.org, which has 192.0.2.7 and 2001:db8::7.
    REQUIRE(read_dns(hex("1234 8180 0001 0003 0000 0000 03777777 076578616d706c65 036f7267 00"
                         "0001 0001"
                         "c00c 0005 0001 00000e10 0007 04686f7374 c010"
                         "c02d 0001 0001 0000012c 0004 c0000207"
                         "c02d 001c 0001 0000012c 0010 20010db8000000000000000000000007"),
                     facts));
    CHECK(facts.hostname == "www.example.org");
    REQUIRE(facts.bindings.size() == 2);
    CHECK(facts.bindings[0].ttl_s == 300);
    CHECK(facts.bindings[0].address ==
          std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7});
    CHECK(facts.bindings[1].address[15] == 7);
}

TEST_CASE("hostile DNS messages are refused or cut, never followed for ever") {
    Facts facts;
    CHECK_FALSE(read_dns({}, facts));
    // A name that points at itself, one beyond the end, a label of 64, one name of 300 bytes.
    CHECK_FALSE(read_dns(hex("1234 0100 0001 0000 0000 0000 c00c 0001 0001"), facts));
    CHECK_FALSE(read_dns(hex("1234 0100 0001 0000 0000 0000 c1ff 0001 0001"), facts));
    CHECK_FALSE(read_dns(hex("1234 0100 0001 0000 0000 0000 40 00 0001 0001"), facts));
    Buffer longest = hex("1234 0100 0001 0000 0000 0000");
    for (int i = 0; i < 5; i++) {
        longest.push_back(60);
        longest.resize(longest.size() + 60, 'a');
    }
    longest.insert(longest.end(), {0, 0, 1, 0, 1});
    CHECK_FALSE(read_dns(longest, facts));
    // More answers promised than there are: what is there counts.
    CHECK(read_dns(hex("1234 8180 0001 0002 0000 0000 0161 00 0001 0001"
                       "c00c 0001 0001 0000012c 0004 c0000207 c00c"),
                   facts));
    CHECK(facts.bindings.size() == 1);
}

namespace {

/// An RTP datagram of 100 bytes of payload (RFC 3550, 5.1).
Buffer rtp(std::uint16_t sequence, std::uint32_t source, std::uint8_t type = 111) {
    Buffer out{0x80,
               type,
               static_cast<std::uint8_t>(sequence >> 8),
               static_cast<std::uint8_t>(sequence),
               0,
               0,
               0,
               static_cast<std::uint8_t>(sequence)};
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        out.push_back(static_cast<std::uint8_t>(source >> shift));
    out.resize(out.size() + 100, 0x5a);
    return out;
}

Progress give(Dissector &dissector, Facts &facts, const Buffer &datagram, unsigned direction = 0) {
    return dissector.take({Transport::Udp, direction, datagram, {}, false, datagram.size()}, facts);
}

} // namespace

TEST_CASE("media is known by its third datagram in a row") {
    Facts facts;
    const auto media = make_rtp();
    CHECK(give(*media, facts, rtp(65535, 0x01020304)) == Progress::More);
    CHECK(give(*media, facts, rtp(0, 0x01020304)) == Progress::More); // numbers wrap
    CHECK(give(*media, facts, rtp(2, 0x01020304)) == Progress::Done); // one was lost
    CHECK(facts.protocol == "rtp");
}

TEST_CASE("media behind STUN and in TURN's channels") {
    Facts facts;
    const auto media = make_rtp();
    const Buffer check = hex("0001 0000 2112a442 000102030405060708090a0b");
    CHECK(rtp_begins({Transport::Udp, 0, check, {}, false, check.size()}));
    CHECK(give(*media, facts, check) == Progress::More);
    for (std::uint16_t i = 1; i <= 3; i++) {
        Buffer channel = hex("4001 0070");
        const Buffer inner = rtp(i, 0x09080706);
        channel.insert(channel.end(), inner.begin(), inner.end());
        CHECK(give(*media, facts, channel) == (i == 3 ? Progress::Done : Progress::More));
    }
    CHECK(facts.protocol == "rtp");
}

TEST_CASE("reports alone are RTCP") {
    Facts facts;
    const auto media = make_rtp();
    const Buffer report = hex("80c9 0001 00000007 81ca 0002 00000007 01 00 0000");
    CHECK(give(*media, facts, report) == Progress::More);
    CHECK(give(*media, facts, report) == Progress::More);
    CHECK(give(*media, facts, report) == Progress::Done);
    CHECK(facts.protocol == "rtcp");
}

TEST_CASE("what only looks like media once is not") {
    Facts facts;
    const auto media = make_rtp();
    Progress last = Progress::More;
    for (std::uint16_t i = 0; i < 10 && last == Progress::More; i++)
        last = give(*media, facts, rtp(static_cast<std::uint16_t>(i * 4099), i * 77777U));
    CHECK(last == Progress::NotMine);
    CHECK(facts.protocol.empty());
}

namespace {

/// ServerHello of TLS 1.2 and the beginning of a Certificate, whose DER is `certificate`.
Buffer server_flight(const Buffer &certificate, std::size_t promised) {
    const auto number = [](Buffer &to, std::size_t value, unsigned bytes) {
        while (bytes-- > 0)
            to.push_back(static_cast<std::uint8_t>(value >> (8 * bytes)));
    };
    Buffer messages = hex("02 000026 0303");
    messages.resize(messages.size() + 32, 7);
    messages.insert(messages.end(), {0, 0xc0, 0x2f, 0});
    messages.push_back(11);
    number(messages, promised + 6, 3);
    number(messages, promised + 3, 3);
    number(messages, promised, 3);
    messages.insert(messages.end(), certificate.begin(), certificate.end());
    Buffer out = hex("16 0303");
    number(out, messages.size(), 2);
    out.insert(out.end(), messages.begin(), messages.end());
    return out;
}

/// A certificate in DER of this subject, signed by an issuer of another name.
Buffer certificate_of(const char *subject, const char *alternative = nullptr) {
    X509 *const made = X509_new();
    EVP_PKEY *const key = EVP_EC_gen("P-256");
    const auto name = [](X509_NAME *to, const char *common) {
        X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char *>(common), -1, -1, 0);
    };
    X509_set_version(made, X509_VERSION_3);
    name(X509_get_issuer_name(made), "C A.");
    name(X509_get_subject_name(made), subject);
    X509_gmtime_adj(X509_getm_notBefore(made), 0);
    X509_gmtime_adj(X509_getm_notAfter(made), 60);
    X509_set_pubkey(made, key);
    if (alternative) {
        X509_EXTENSION *const names =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative);
        X509_add_ext(made, names, -1);
        X509_EXTENSION_free(names);
    }
    X509_sign(made, key, EVP_sha256());
    Buffer out(static_cast<std::size_t>(i2d_X509(made, nullptr)));
    unsigned char *at = out.data();
    i2d_X509(made, &at);
    EVP_PKEY_free(key);
    X509_free(made);
    return out;
}

CertificateName name_of(const Buffer &certificate) {
    CertificateName out;
    CHECK(read_certificate_name(server_flight(certificate, certificate.size()), out) ==
          Parse::Done);
    return out;
}

} // namespace

TEST_CASE("a certificate gives its name as soon as it has come by") {
    CertificateName name;
    const Buffer whole = certificate_of("A Baby", "IP:192.0.2.1,DNS:*.example.org,DNS:b.example");
    CHECK(name_of(whole).host == "example.org");
    // The last field before the signature: of that nothing has come yet.
    Buffer flight = server_flight(Buffer(whole.begin(), whole.end() - 84), whole.size());
    CHECK(read_certificate_name(flight, name) == Parse::Done);
    CHECK(name.host == "example.org");
    CHECK(name_of(certificate_of("a.example.t")).host == "a.example.t");
    name = name_of(certificate_of("A Baby", "IP:192.0.2.1"));
    CHECK(name.host.empty());
    CHECK(name.subject == "A Baby");
    name = name_of(hex("3000"));
    CHECK((name.host.empty() && name.subject.empty()));

    flight = server_flight(hex("3000"), 900);
    CHECK(read_certificate_name(flight, name) == Parse::More);
    for (std::size_t size = 0; size < flight.size(); size++)
        CHECK(read_certificate_name(Bytes(flight).first(size), name) != Parse::Done);
    CHECK(read_certificate_name(hex("15 0303 0002 0228"), name) == Parse::Wrong);
}
