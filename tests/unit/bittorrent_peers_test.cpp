// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/bencode.hpp"
#include "core/dissect/bittorrent_peers.hpp"
#include "core/dissect/http.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>

#include <arpa/inet.h>

using namespace l7;
using namespace l7::test;

namespace {

using Lines = std::vector<std::string>;

Bytes bytes(const std::string &text) {
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

std::string raw(std::string_view digits) {
    const Buffer data = hex(digits);
    return {data.begin(), data.end()};
}

Lines lines(const std::vector<Peer> &peers) {
    Lines out;
    for (const Peer &peer : peers) {
        char text[INET6_ADDRSTRLEN] = {};
        const bool v4 = peer.address[10] == 0xff && peer.address[0] == 0;
        inet_ntop(v4 ? AF_INET : AF_INET6, peer.address.data() + (v4 ? 12 : 0), text, sizeof(text));
        out.push_back(std::string(text) + " " + std::to_string(peer.port));
    }
    return out;
}

Lines answered(const std::string &body) {
    std::vector<Peer> out;
    read_tracker_answer(bytes(body), out);
    return lines(out);
}

struct Heard {
    bool known;
    Lines peers;
};

Heard heard(const std::string &datagram, unsigned direction = 1, bool ipv6 = false) {
    std::vector<Peer> out;
    const bool known = read_peer_datagram(bytes(datagram), direction, ipv6, out);
    return {known, lines(out)};
}

const std::string kTwo = raw("c0000201 1ae1 c6336402 1ae2"); // 192.0.2.1 6881, 198.51.100.2 6882
const std::string kSix = raw("20010db8000000000000000000000001 1ae1");
const Lines kTwoLines = {"192.0.2.1 6881", "198.51.100.2 6882"};

/// A tracker's answer over UDP: action, transaction, interval, leechers, seeders.
const std::string kAnnounced = raw("00000001 12345678 00000708 00000001 00000001");

} // namespace

TEST_CASE("a tracker's answer names peers, end to end or one by one") {
    CHECK(answered("d8:completei1e8:intervali1800e5:peers12:" + kTwo + "e") == kTwoLines);
    CHECK(answered("d8:intervali1800e6:peers618:" + kSix + "e") == Lines{"2001:db8::1 6881"});
    CHECK(answered("d5:peers6:" + kTwo.substr(0, 6) + "6:peers618:" + kSix + "e") ==
          Lines{"192.0.2.1 6881", "2001:db8::1 6881"});
    CHECK(answered("d5:peersld2:ip9:192.0.2.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881eed2:ip11:"
                   "2001:db8::14:porti6882eeee") == Lines{"192.0.2.1 6881", "2001:db8::1 6882"});
    CHECK(answered("d14:failure reason4:nope8:intervali-1ee") == Lines{});
}

TEST_CASE("of an answer that is cut the whole peers count") {
    const std::string whole = "d8:intervali1800e5:peers12:" + kTwo + "e";
    for (std::size_t size = 0; size < whole.size(); size++) {
        std::vector<Peer> out;
        CHECK_FALSE(read_tracker_answer(bytes(whole.substr(0, size)), out));
        const std::size_t there = size < 27 ? 0 : (size - 27) / 6;
        CHECK(lines(out) == Lines(kTwoLines.begin(), kTwoLines.begin() + static_cast<long>(there)));
    }
}

TEST_CASE("what is no peer is left out") {
    const auto one = [](std::string_view digits) {
        return answered("d5:peers6:" + raw(digits) + "e");
    };
    CHECK(one("c0000201 0400") == Lines{"192.0.2.1 1024"});
    CHECK(one("c0000201 0050") == Lines{}); // port 80
    CHECK(one("c0000201 0000") == Lines{});
    CHECK(one("00000000 1ae1") == Lines{});
    CHECK(one("7f000001 1ae1") == Lines{});
    CHECK(one("a9fe0001 1ae1") == Lines{});
    CHECK(one("e0000001 1ae1") == Lines{});
    CHECK(one("ffffffff 1ae1") == Lines{});
    const auto six = [](std::string_view digits) {
        return answered("d6:peers618:" + raw(digits) + "e");
    };
    CHECK(six("00000000000000000000000000000001 1ae1") == Lines{});
    CHECK(six("fe800000000000000000000000000001 1ae1") == Lines{});
    CHECK(six("ff020000000000000000000000000001 1ae1") == Lines{});
    CHECK(six("00000000000000000000ffff7f000001 1ae1") == Lines{});
    CHECK(answered("d5:peersld2:ip9:not an ip4:porti6881eed2:ip9:192.0.2.14:porti70000eeee") ==
          Lines{});
}

TEST_CASE("trackers over UDP") {
    CHECK(heard(kAnnounced + kTwo).peers == kTwoLines);
    CHECK(heard(kAnnounced + kTwo + "abc").peers == kTwoLines);
    CHECK(heard(kAnnounced + kSix, 1, true).peers == Lines{"2001:db8::1 6881"});
    CHECK(heard(kAnnounced).known);
    CHECK(heard(raw("00000000 12345678 0000000000000001")).known); // the answer to a connect
    CHECK(heard(raw("00000003 12345678") + "no such torrent").known);
    CHECK(heard(raw("00000417 27101980 00000000 12345678"), 0).known);
    CHECK(heard(raw("0000000000000001 00000001 12345678") + std::string(82, 'x'), 0).known);
    // Only who is asked answers.
    CHECK_FALSE(heard(kAnnounced + kTwo, 0).known);
    CHECK(heard(kAnnounced + kTwo, 0).peers.empty());
    CHECK_FALSE(heard(raw("00000417 27101981 00000000 12345678"), 0).known);
    CHECK_FALSE(heard(raw("00000004 12345678 00000708 00000001 00000001") + kTwo).known);
    CHECK_FALSE(heard("").known);
    // uTP: a SYN, its answer, data.
    CHECK_FALSE(heard(raw("4100abcd 00000001 00000000 00100000 0001 0000"), 0).known);
    CHECK_FALSE(heard(raw("2100abcd 00000001 00000005 00100000 0001 0001")).known);
    CHECK_FALSE(heard(raw("0100abcd 00000001 00000005 00100000 0002 0001") + kTwo).known);
}

TEST_CASE("the hash table's answers") {
    const std::string id = "2:id20:abcdefghij0123456789", end = "1:t2:aa1:y1:re";
    const std::string values = "6:valuesl6:" + kTwo.substr(0, 6) + "6:" + kTwo.substr(6) + "e";
    CHECK(heard("d1:rd" + id + "5:token8:aoeusnth" + values + "e" + end).peers == kTwoLines);
    CHECK(
        heard("d2:ip6:" + kTwo.substr(0, 6) + "1:rd" + id + "5:nodes6:abcdef" + values + "e" + end,
              0)
            .peers == kTwoLines);
    CHECK(heard("d1:rd" + id + "6:valuesl18:" + kSix + "4:oddsee" + end).peers ==
          Lines{"2001:db8::1 6881"});
    const Heard asked =
        heard("d1:ad" + id + "9:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe");
    CHECK(asked.known);
    CHECK(asked.peers.empty());
    // A question's values are nobody's answer.
    CHECK(heard("d1:ad" + id + values + "e1:q9:get_peers1:t2:aa1:y1:qe").peers.empty());
    CHECK(heard("d1:eli201e5:Errore1:t2:aa1:y1:ee").known);
    CHECK_FALSE(heard("d3:fooi1ee").known);
    CHECK_FALSE(heard("delta").known);
    const std::string whole = "d1:rd" + id + values + "e" + end;
    for (std::size_t size = 0; size < whole.size(); size++)
        CHECK(heard(whole.substr(0, size)).peers.size() <= 2);
}

TEST_CASE("hostile bencoding ends") {
    const std::string deep = std::string(100'000, 'l');
    CHECK(answered("d1:x" + deep) == Lines{});
    CHECK(answered("d1:x" + std::string(30, 'l') + std::string(30, 'e') + "5:peers12:" + kTwo +
                   "e") == kTwoLines);
    for (const char *text : {"",
                             "d",
                             "e",
                             "i",
                             "ie",
                             "d5",
                             "d5:",
                             "d-1:x",
                             "d99999999999999999999:x",
                             "d18446744073709551615:x",
                             "d5:peers18446744073709551615:x",
                             "d5:peersi5ee",
                             "d5:peersle",
                             "d5:peersldee",
                             "d5:peersli1eee",
                             "di1ei2ee",
                             "d5:peersld2:ipi1e4:port3:abceee",
                             "d1:xi--1ee",
                             "d1:xi1",
                             "d05:peers0:e"})
        CHECK(answered(text) == Lines{});
    std::string many;
    for (int i = 0; i < 10'000; i++)
        many += kTwo.substr(0, 6);
    std::vector<Peer> out;
    read_tracker_answer(bytes("d5:peers60000:" + many + "e"), out);
    CHECK(out.size() == kPeersMost);
    CHECK(heard(kAnnounced + many).peers.size() == kPeersMost);
    std::string values = "d1:rd6:valuesl";
    for (int i = 0; i < 10'000; i++)
        values += "6:" + kTwo.substr(0, 6);
    CHECK(heard(values + "ee1:y1:re").peers.size() == kPeersMost);
}

TEST_CASE("who asks a tracker") {
    CHECK(asks_tracker("/announce?info_hash=%01%02&peer_id=x&port=6881&compact=1"));
    CHECK(asks_tracker("http://tracker.example/announce.php?key=1&port=6881&info_hash=x"));
    CHECK_FALSE(asks_tracker("/announce"));
    CHECK_FALSE(asks_tracker("/scrape?info_hash=x"));
    CHECK_FALSE(asks_tracker("/?xinfo_hash=x&port=1"));
}

TEST_CASE("a tracker over HTTP is heard until it has answered, however it is cut") {
    const std::string request =
        "GET /announce?info_hash=x&port=6881 HTTP/1.1\r\nHost: t.example\r\n\r\n";
    const std::string body = "d8:intervali1800e5:peers12:" + kTwo + "e";
    const std::string plain = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + body;
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n" + body + "\r\n0\r\n\r\n";
    for (const std::string &answer : {plain, chunked})
        for (std::size_t cut = 1; cut <= answer.size(); cut++) {
            const auto http = make_http();
            Facts facts;
            CHECK(http->take({Transport::Tcp, 0, bytes(request), {}, false, request.size()},
                             facts) == Progress::Known);
            http->take(
                {Transport::Tcp, 1, bytes(answer.substr(0, cut)), bytes(request), false, cut},
                facts);
            const Progress last = http->take(
                {Transport::Tcp, 1, bytes(answer), bytes(request), false, answer.size()}, facts);
            CHECK(last == Progress::Done);
            CHECK(lines(facts.peers) == kTwoLines);
        }
    const auto http = make_http();
    Facts facts;
    http->take({Transport::Tcp, 0, bytes(request), {}, false, request.size()}, facts);
    const std::string refused = "HTTP/1.1 404 Not Found\r\n\r\n<html>5:peers12:" + kTwo;
    CHECK(http->take({Transport::Tcp, 1, bytes(refused), bytes(request), false, refused.size()},
                     facts) == Progress::Done);
    CHECK(facts.peers.empty());
    // Nobody asked this one.
    const auto other = make_http();
    Facts others;
    const std::string get = "GET /file HTTP/1.1\r\nHost: t.example\r\n\r\n";
    CHECK(other->take({Transport::Tcp, 0, bytes(get), {}, false, get.size()}, others) ==
          Progress::Done);
    other->take({Transport::Tcp, 1, bytes(plain), bytes(get), false, plain.size()}, others);
    CHECK(others.peers.empty());
}
