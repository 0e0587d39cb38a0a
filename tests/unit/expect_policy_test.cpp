// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/policy.hpp"
#include "support/expecting.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr Topic kTopics[] = {
    {"one", 1, 300}, {"three", 3, 60}, {"dcc", 2, 300, true}, {"none", 0, 1}};

Announcement tcp(const char *source, const char *target, std::uint16_t port,
                 std::uint8_t topic = 1) {
    return {.source = *source ? *parse_address(source) : kAnyone,
            .target = *parse_address(target),
            .port = port,
            .l4 = IPPROTO_TCP,
            .topic = topic,
            .protocol = "ftp-data"};
}

constexpr const char *kClient = "192.0.2.1";
constexpr const char *kServer = "198.51.100.1";
constexpr const char *kOther = "203.0.113.9";

struct Court {
    ExpectPolicy policy = {};
    Announcements announcements{kTopics, parties_v4(21)};
    ExpectCounters counters = {};

    std::optional<Admitted> admit(const Announcement &one, std::uint64_t second = 0) {
        return announcements.admit(one, second * kSecond, policy, counters);
    }
};

} // namespace

TEST_CASE("expectations are for the parties alone, unless configured", "[expect]") {
    Court court;
    CHECK(court.admit(tcp(kClient, kServer, 5000)));
    CHECK(court.admit(tcp(kServer, kClient, 5000)));
    CHECK_FALSE(court.admit(tcp(kClient, kOther, 5000)));
    CHECK(court.counters.foreign_target == 1);
    CHECK_FALSE(court.admit(tcp(kOther, kServer, 5000)));
    CHECK(court.counters.foreign_source == 1);
    CHECK_FALSE(court.admit(tcp(kClient, kClient, 5000)));
    CHECK(court.counters.to_itself == 1);
    CHECK(court.counters.admitted == 2);

    court.policy.foreign = true;
    CHECK(court.admit(tcp(kClient, kOther, 5000)));
    CHECK(court.admit(tcp(kOther, kServer, 5000)));
    CHECK_FALSE(court.admit(tcp(kOther, kOther, 5000)));
}

TEST_CASE("an open source becomes the other party, unless strangers are meant", "[expect]") {
    Court court;
    CHECK(shown(court.admit(tcp("", kClient, 5000))->announcement.source) == kServer);
    CHECK(shown(court.admit(tcp("", kServer, 5000))->announcement.source) == kClient);
    CHECK_FALSE(court.admit(tcp("", kOther, 5000)));
    CHECK(court.admit(tcp("", kClient, 5000, 2))->announcement.source == kAnyone);
    CHECK_FALSE(court.admit(tcp("", kOther, 5000, 2))); // the target must be a party all the same
    court.policy.foreign = true;
    CHECK(court.admit(tcp("", kClient, 5000))->announcement.source == kAnyone);
}

TEST_CASE("privileged ports and none are refused", "[expect]") {
    Court court;
    CHECK_FALSE(court.admit(tcp(kClient, kServer, 22)));
    CHECK_FALSE(court.admit(tcp(kClient, kServer, 1023)));
    CHECK(court.admit(tcp(kClient, kServer, 1024)));
    CHECK(court.counters.privileged_port == 2);
    CHECK_FALSE(court.admit(tcp(kClient, kServer, 0)));
    CHECK(court.counters.no_port == 1);
    court.policy.privileged = true;
    CHECK(court.admit(tcp(kClient, kServer, 22)));
    CHECK_FALSE(court.admit(tcp(kClient, kServer, 0)));
    Announcement gre = tcp(kClient, kServer, 0);
    gre.l4 = IPPROTO_GRE;
    CHECK(court.admit(gre));
}

TEST_CASE("targets that are nobody are refused, unless a party is it", "[expect]") {
    for (const bool foreign : {false, true}) {
        Court court{{.foreign = foreign}};
        for (const char *nobody : {"0.0.0.0", "::", "127.0.0.1", "::1", "239.1.2.3", "ff02::1"})
            CHECK_FALSE(court.admit(tcp(kClient, nobody, 5000)));
        CHECK(court.counters.no_host == 6);
    }
    Court here{{}, {kTopics, parties_at("127.0.0.1", 40000, "127.0.0.1", 21, IPPROTO_TCP)}};
    CHECK(here.admit(tcp("127.0.0.1", "127.0.0.1", 5000)));
    CHECK_FALSE(here.admit(tcp("127.0.0.1", "127.0.0.2", 5000)));
}

TEST_CASE("a topic has room for so many, and the oldest leaves", "[expect]") {
    Court court;
    for (std::uint16_t i = 0; i < 3; i++)
        CHECK_FALSE(
            court.admit(tcp(kClient, kServer, static_cast<std::uint16_t>(5000 + i)))->replaced);
    CHECK(court.admit(tcp(kClient, kServer, 5003))->replaced->port == 5000);
    // Renewed, 5001 is not the oldest any more.
    const auto renewed = court.admit(tcp(kClient, kServer, 5001), 10);
    CHECK_FALSE(renewed->replaced);
    CHECK(renewed->expires_ns == 70 * kSecond);
    CHECK(court.counters.renewed == 1);
    CHECK(court.admit(tcp(kClient, kServer, 5004), 11)->replaced->port == 5002);
    CHECK(court.counters.displaced == 2);
    // Other topics have room of their own.
    CHECK_FALSE(court.admit(tcp(kClient, kServer, 6000, 0))->replaced);
    CHECK_FALSE(court.admit(tcp(kClient, kServer, 6000, 3)));
    CHECK_FALSE(court.admit(tcp(kClient, kServer, 6000, 4)));
    CHECK(court.counters.no_topic == 2);
}

TEST_CASE("expectations end", "[expect]") {
    Court court;
    court.admit(tcp(kClient, kServer, 5000), 0);
    Announcement brief = tcp(kClient, kServer, 5001);
    brief.lifetime_s = 5;
    CHECK(court.admit(brief, 0)->expires_ns == 5 * kSecond);
    CHECK(court.announcements.alive(4 * kSecond) == 2);
    CHECK(court.announcements.alive(5 * kSecond) == 1);
    CHECK(court.announcements.alive(60 * kSecond) == 0);
    for (std::uint16_t i = 0; i < 3; i++) // nobody needs to leave for them
        CHECK_FALSE(
            court.admit(tcp(kClient, kServer, static_cast<std::uint16_t>(7000 + i)), 60)->replaced);
    CHECK(court.counters.displaced == 0);
}

TEST_CASE("what is announced anew for a slot takes its place", "[expect]") {
    Court court;
    Announcement first = tcp(kClient, kServer, 5000);
    first.slot = 7;
    Announcement moved = tcp(kClient, kServer, 5002);
    moved.slot = 7;
    court.admit(first);
    court.admit(tcp(kClient, kServer, 5001));
    CHECK(court.admit(moved)->replaced->port == 5000);
    CHECK(court.announcements.alive(0) == 2);
    CHECK(court.counters.moved == 1);
    CHECK_FALSE(court.admit(moved)->replaced);
    CHECK(court.counters.renewed == 1);
}

TEST_CASE("ten thousand announcements take the room of a few", "[expect]") {
    Court court;
    std::size_t withdrawn = 0;
    for (unsigned i = 0; i < 10000; i++)
        withdrawn += court.admit(tcp(kClient, kServer, static_cast<std::uint16_t>(20000 + i)))
                         ->replaced.has_value();
    CHECK(court.announcements.alive(0) == 3);
    CHECK(withdrawn == 9997);
    CHECK(court.counters.displaced == 9997);
    CHECK(court.counters.admitted == 10000);

    Court ftp{{}, {parent_kind("ftp").topics, parties_v4(21)}};
    std::string hostile;
    for (unsigned i = 0; i < 10000; i++)
        hostile += "PORT 192,0,2,1," + std::to_string(4 + i % 250) + "," + std::to_string(i / 250) +
                   "\r\nPORT 203,0,113,9,1,1\r\nPORT 192,0,2,1,0,22\r\n";
    for (const Announcement &one : announcements("ftp", parties_v4(21), {{0, hostile}}))
        ftp.admit(one);
    CHECK(ftp.announcements.alive(0) == 1);
    CHECK(ftp.counters.admitted == 10000);
    CHECK(ftp.counters.foreign_target == 10000);
    CHECK(ftp.counters.privileged_port == 10000);
}

TEST_CASE("through NAT an announcement is for the parties as they are seen", "[expect]") {
    // The server has 10.0.0.5; where we are, it is 198.51.100.1.
    const Parties own = parties_at("192.0.2.1", 40000, "10.0.0.5", 2121, IPPROTO_TCP);
    const Parties seen = parties_at("192.0.2.1", 40000, "198.51.100.1", 21, IPPROTO_TCP);
    const auto said = announcements("ftp", seen, {{1, "227 (10,0,0,5,195,81)\r\n"}});
    REQUIRE(said.size() == 1);
    Court court;
    CHECK_FALSE(court.admit(said[0]));
    const Announcement one = translate(said[0], own, seen);
    CHECK(shown(one, "ftp") == "tcp 192.0.2.1:* > 198.51.100.1:50001 data ftp-data");
    CHECK(court.admit({one}));
    CHECK(translate(one, seen, own) == said[0]);
}

TEST_CASE("a party's own port is translated with it", "[expect]") {
    const Parties own = parties_at("10.0.0.1", 2000, "198.51.100.1", 69, IPPROTO_UDP);
    const Parties seen = parties_at("192.0.2.1", 61000, "198.51.100.1", 69, IPPROTO_UDP);
    const auto said = announcements("tftp", own, {{0, std::string("\0\1f\0octet\0", 10)}});
    REQUIRE(said.size() == 1);
    CHECK(shown(translate(said[0], own, seen), "tftp") ==
          "udp 198.51.100.1:* > 192.0.2.1:61000 transfer tftp");
    const Announcement other = tcp(kOther, kOther, 5000);
    CHECK(translate(other, own, seen) == other);
    // Both ends behind one address.
    const Parties shared = parties_at("192.0.2.1", 1000, "192.0.2.1", 2000, IPPROTO_TCP);
    const Parties apart = parties_at("10.0.0.1", 1001, "10.0.0.2", 2002, IPPROTO_TCP);
    CHECK(shown(translate(tcp("192.0.2.1", "192.0.2.1", 2000), shared, apart).target) ==
          "10.0.0.2");
}
