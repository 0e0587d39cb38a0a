// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/classifier.hpp"
#include "core/match/native_file.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

struct Fixture {
    std::shared_ptr<Protocols> protocols = std::make_shared<Protocols>();
    std::shared_ptr<const Database> database;
    Classifier classifier{ClassifierLimits{{}, 4, 2'000, 30'000}};
    std::uint64_t now = 1000;

    explicit Fixture(std::initializer_list<std::pair<const char *, const char *>> patterns) {
        PatternLibrary library;
        for (const auto &[name, text] : patterns) {
            auto pattern =
                parse_native_pattern("name = \"" + std::string(name) + "\"\n" + text, name, name);
            INFO(name << (pattern ? "" : pattern.error().message));
            REQUIRE(pattern);
            library.patterns.push_back(*pattern);
        }
        std::vector<std::string> rejected;
        auto compiled = Database::compile(library, *protocols, rejected);
        REQUIRE(compiled);
        REQUIRE(rejected.empty());
        database = *compiled;
        classifier.use({database, protocols});
    }

    struct Flow {
        std::uint8_t l4 = 17;
        std::uint16_t port = 1;
        std::uint32_t born = 7;
        std::uint32_t offset[2] = {0, 0};
        std::uint16_t packet = 0;
    };

    std::optional<l7_verdict> send(Flow &flow, unsigned direction, const std::string &data,
                                   std::uint8_t flags = 0) {
        l7_record head{};
        head.key.l4 = flow.l4;
        head.key.family = 4;
        head.key.port[0] = flow.port;
        head.hash = l7_key_hash(&head.key);
        head.packet = ++flow.packet;
        head.offset = flow.offset[direction];
        head.size = head.wire_size = static_cast<std::uint16_t>(data.size());
        head.direction = static_cast<std::uint8_t>(direction);
        head.flags = flags;
        head.born = flow.born;
        flow.offset[direction] += static_cast<std::uint32_t>(data.size());
        const Buffer bytes = bytes_of(data);
        return classifier.take({head, bytes}, now);
    }

    std::string name(const std::optional<l7_verdict> &verdict) {
        return verdict ? protocols->name(verdict->protocol) : "-";
    }
};

constexpr const char *kUdpA = "quality=\"great\"\n[[match]]\nl4=\"udp\"\neither='^aa'\n";

} // namespace

TEST_CASE("a great match decides at its packet") {
    Fixture f{{"a", kUdpA}};
    Fixture::Flow flow;
    CHECK(f.name(f.send(flow, 0, "xx")) == "-");
    const auto verdict = f.send(flow, 1, "aa");
    CHECK(f.name(verdict) == "a");
    CHECK(verdict->packet == 2);
    CHECK(verdict->reason == L7_REASON_PATTERN);
    CHECK(f.classifier.flows() == 0);
}

TEST_CASE("samples that were on their way when the verdict fell are ignored") {
    Fixture f{{"a", kUdpA}};
    Fixture::Flow flow;
    CHECK(f.send(flow, 0, "aa"));
    CHECK_FALSE(f.send(flow, 0, "aa"));
    CHECK(f.classifier.counters().stale_samples == 1);
    flow.born = 8; // a new flow by the same key
    CHECK(f.send(flow, 0, "aa"));
}

TEST_CASE("an ok match waits for a better one") {
    Fixture f{{"weak", "quality=\"ok\"\n[[match]]\nl4=\"udp\"\neither='^a'\n"}, {"a", kUdpA}};
    Fixture::Flow flow;
    CHECK_FALSE(f.send(flow, 0, "ab"));
    CHECK(f.name(f.send(flow, 0, "aa")) == "a");
    Fixture::Flow other;
    other.port = 2;
    CHECK_FALSE(f.send(other, 0, "ab"));
    CHECK_FALSE(f.send(other, 0, "zz"));
    const auto verdict = f.send(other, 0, "zz");
    CHECK(f.name(verdict) == "weak");
    CHECK(verdict->packet == 1); // where it was found
}

TEST_CASE("a poor match counts at the limit, after silence, or at the end") {
    Fixture f{{"poor", "quality=\"poor\"\n[[match]]\nl4=\"udp\"\neither='^a'\n"}};
    Fixture::Flow at_limit;
    CHECK_FALSE(f.send(at_limit, 0, "a"));
    CHECK(f.name(f.send(at_limit, 0, "", L7_R_LAST)) == "poor");

    Fixture::Flow silent;
    silent.port = 2;
    CHECK_FALSE(f.send(silent, 0, "a"));
    std::vector<l7_verdict> swept;
    f.classifier.sweep(f.now + 1000, 100, swept);
    CHECK(swept.empty());
    f.classifier.sweep(f.now + 3000, 100, swept);
    REQUIRE(swept.size() == 1);
    CHECK(f.protocols->name(swept[0].protocol) == "poor");
}

TEST_CASE("both parts of a match must be met, each in its direction") {
    Fixture f{{"pair", "[[match]]\nl4=\"tcp\"\nclient='^USER'\nserver='^220 '\n"}};
    Fixture::Flow flow;
    flow.l4 = 6;
    CHECK_FALSE(f.send(flow, 1, "220 hello"));
    CHECK(f.name(f.send(flow, 0, "USER x")) == "pair");
    Fixture::Flow wrong;
    wrong.l4 = 6;
    wrong.port = 2;
    CHECK_FALSE(f.send(wrong, 0, "220 hello"));
    CHECK_FALSE(f.send(wrong, 1, "USER x"));
}

TEST_CASE("several datagrams may be needed") {
    Fixture f{{"thrice", "[[match]]\nl4=\"udp\"\neither={re='^a', times=3}\n"}};
    Fixture::Flow flow;
    CHECK_FALSE(f.send(flow, 0, "a"));
    CHECK_FALSE(f.send(flow, 0, "b"));
    CHECK_FALSE(f.send(flow, 0, "a"));
    CHECK(f.send(flow, 0, "a"));
}

TEST_CASE("unknown says why") {
    Fixture f{{"a", kUdpA}};
    Fixture::Flow flow;
    f.send(flow, 0, "x");
    f.send(flow, 1, "x");
    auto verdict = f.send(flow, 0, "x", L7_R_LAST);
    REQUIRE(verdict);
    CHECK(verdict->protocol == L7_UNKNOWN);
    CHECK(verdict->reason == L7_REASON_LIMIT);
    Fixture::Flow alone;
    alone.port = 2;
    verdict = f.send(alone, 0, "x", L7_R_LAST);
    CHECK(verdict->reason == L7_REASON_ONE_SIDED);
    Fixture::Flow running;
    running.l4 = 6;
    running.port = 3;
    verdict = f.send(running, 0, "x", L7_R_LAST | L7_R_MIDSTREAM);
    CHECK(verdict->reason == L7_REASON_MIDSTREAM);
    Fixture::Flow reset;
    reset.l4 = 6;
    reset.port = 4;
    f.send(reset, 1, "x");
    verdict = f.send(reset, 0, "x", L7_R_END | L7_R_RESET);
    CHECK(verdict->reason == L7_REASON_NO_MATCH);
}

TEST_CASE("a half-closed connection is still listened to") {
    Fixture f{{"s", "[[match]]\nl4=\"tcp\"\nserver='^ok'\n"}};
    Fixture::Flow flow;
    flow.l4 = 6;
    CHECK_FALSE(f.send(flow, 0, "get", L7_R_END));
    CHECK(f.name(f.send(flow, 1, "ok")) == "s");
}

TEST_CASE("connections picked up in the middle meet only patterns that allow it") {
    Fixture f{{"start", "[[match]]\nl4=\"tcp\"\neither='^ab'\n"},
              {"any", "[[match]]\nl4=\"tcp\"\nmidstream=true\neither='^abc'\n"}};
    Fixture::Flow flow;
    flow.l4 = 6;
    CHECK_FALSE(f.send(flow, 0, "ab", L7_R_MIDSTREAM));
    CHECK(f.name(f.send(flow, 0, "c", L7_R_MIDSTREAM)) == "any");
}

TEST_CASE("connections picked up in the middle are not judged where that is not wanted") {
    Fixture f{{"any", "quality=\"great\"\n[[match]]\nl4=\"tcp\"\nmidstream=true\neither='^abc'\n"}};
    f.protocols->add_built_in();
    Knowledge strict{f.database, f.protocols};
    strict.remember();
    strict.loose = false;
    f.classifier.use(strict);
    Fixture::Flow flow;
    flow.l4 = 6;
    const auto verdict = f.send(flow, 0, "abc", L7_R_MIDSTREAM);
    REQUIRE(verdict);
    CHECK(verdict->protocol == L7_UNKNOWN);
    CHECK(verdict->reason == L7_REASON_MIDSTREAM);
    CHECK(verdict->packet == 1);
    CHECK(f.classifier.flows() == 0);
    Fixture::Flow whole;
    whole.l4 = 6;
    whole.port = 2;
    CHECK(f.name(f.send(whole, 0, "abc")) == "any");
}

TEST_CASE("what else is known of its server does not name a connection that is not judged") {
    Fixture f{{"any", "quality=\"great\"\n[[match]]\nl4=\"tcp\"\nmidstream=true\neither='^abc'\n"}};
    Knowledge knowledge{f.database, f.protocols};
    knowledge.remember();
    f.classifier.use(knowledge);
    for (std::uint32_t born = 1; born <= 3; born++) { // the server, by the first end of the key
        Fixture::Flow flow;
        flow.l4 = 6;
        flow.born = born;
        CHECK(f.name(f.send(flow, 1, "abc", L7_R_INITIATOR_1)) == "any");
    }
    Fixture::Flow known;
    known.l4 = 6;
    known.born = 4;
    CHECK(f.send(known, 1, "x", L7_R_INITIATOR_1 | L7_R_MIDSTREAM | L7_R_RESET)->reason ==
          L7_REASON_ENDPOINT);
    knowledge.loose = false;
    f.classifier.use(knowledge);
    known.born = 5;
    CHECK(f.send(known, 1, "x", L7_R_INITIATOR_1 | L7_R_MIDSTREAM)->reason == L7_REASON_MIDSTREAM);
}

TEST_CASE("a reload that refuses them ends those under judgement; one that was announced goes on") {
    Fixture f{{"any", "[[match]]\nl4=\"tcp\"\nmidstream=true\neither='^abc'\n"}};
    f.protocols->add_built_in();
    Fixture::Flow waiting;
    waiting.l4 = 6;
    CHECK_FALSE(f.send(waiting, 0, "ab", L7_R_MIDSTREAM));
    Fixture::Flow announced;
    announced.l4 = 6;
    announced.port = 2;
    CHECK(f.send(announced, 0, "GET /a HTTP/1.1\r\nHost: a.exa"));
    Knowledge strict{f.database, f.protocols};
    strict.loose = false;
    f.classifier.use(strict);
    CHECK(f.send(waiting, 0, "c")->reason == L7_REASON_MIDSTREAM);
    CHECK(f.name(f.send(announced, 0, "mple\r\n\r\n", L7_R_MIDSTREAM)) == "http");
}

TEST_CASE("a hole that will not be filled is not read over") {
    Fixture f{{"x", "[[match]]\nl4=\"tcp\"\neither='ab'\n"}};
    Fixture::Flow flow;
    flow.l4 = 6;
    CHECK_FALSE(f.send(flow, 0, "a"));
    flow.offset[0] = 5; // a record was lost
    CHECK_FALSE(f.send(flow, 0, "b", L7_R_LOST));
    CHECK_FALSE(f.send(flow, 0, "ab"));
}

TEST_CASE("the table of undecided flows is bounded; the oldest leaves as unknown") {
    Fixture f{{"a", kUdpA}};
    for (std::uint16_t port = 1; port <= 10; port++) {
        Fixture::Flow flow;
        flow.port = port;
        f.send(flow, 0, "x");
        const auto pushed = f.classifier.take_pushed_out();
        CHECK(pushed.has_value() == (port > 4));
        if (pushed)
            CHECK(pushed->protocol == L7_UNKNOWN);
    }
    CHECK(f.classifier.flows() == 4);
    CHECK(f.classifier.counters().pushed_out == 6);
}

TEST_CASE("new patterns look at the bytes again") {
    Fixture f{{"a", kUdpA}};
    Fixture g{{"b", "[[match]]\nl4=\"tcp\"\neither='^xyz'\n"}};
    Fixture::Flow flow;
    flow.l4 = 6;
    CHECK_FALSE(f.send(flow, 0, "xy"));
    f.classifier.use({g.database, g.protocols});
    const auto verdict = f.send(flow, 0, "z");
    REQUIRE(verdict);
    CHECK(g.protocols->name(verdict->protocol) == "b");
}

TEST_CASE("among equals the port is a tie-breaker") {
    Fixture f{{"a", "ports=[9]\n[[match]]\nl4=\"udp\"\neither='^x'\n"},
              {"b", "ports=[5]\n[[match]]\nl4=\"udp\"\neither='^x'\n"}};
    Fixture::Flow flow;
    flow.port = L7_BE16(5);
    CHECK(f.name(f.send(flow, 0, "x")) == "b");
    Fixture::Flow other;
    other.port = L7_BE16(9);
    CHECK(f.name(f.send(other, 0, "x")) == "a");
}

TEST_CASE("a proof decides at once; what it carries may be told better by a pattern") {
    Fixture f{{"shop", "quality=\"great\"\n[[match]]\nl4=\"tcp\"\nclient='^GET /shop'\n"},
              {"weak", "quality=\"ok\"\n[[match]]\nl4=\"tcp\"\nclient='^GET /weak'\n"}};
    f.protocols->add_built_in();
    Fixture::Flow plain;
    plain.l4 = 6;
    const auto http = f.send(plain, 0, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    CHECK(f.name(http) == "http");
    CHECK(http->reason == L7_REASON_DISSECTOR);
    CHECK(http->sample == 1);
    Fixture::Flow carried;
    carried.l4 = 6;
    carried.port = 2;
    CHECK(f.name(f.send(carried, 0, "GET /shop HTTP/1.1\r\nHost: a.example\r\n\r\n")) == "shop");
    Fixture::Flow unsure;
    unsure.l4 = 6;
    unsure.port = 3;
    CHECK(f.name(f.send(unsure, 0, "GET /weak HTTP/1.1\r\nHost: a.example\r\n\r\n")) == "http");
}

TEST_CASE("a flow that promises more is followed, and its last verdict is an update") {
    Fixture f{{"shop", "quality=\"great\"\n[[match]]\nl4=\"tcp\"\nclient='^GET /shop'\n"}};
    f.protocols->add_built_in();
    Fixture::Flow flow;
    flow.l4 = 6;
    const auto first = f.send(flow, 0, "GET /a HTTP/1.1\r\nHost: a.exa");
    REQUIRE(first);
    CHECK(first->op == L7_APPLY_VERDICT);
    CHECK(first->flags == L7_V_FOLLOW);
    CHECK(f.classifier.flows() == 1);
    const auto last = f.send(flow, 0, "mple\r\n\r\n");
    REQUIRE(last);
    CHECK(last->op == L7_APPLY_UPDATE);
    CHECK(last->flags == 0);
    CHECK(f.classifier.flows() == 0);

    Fixture::Flow silent = flow;
    silent.port = 2;
    silent.offset[0] = 0;
    CHECK(f.send(silent, 0, "GET /a HTTP/1.1\r\nHost: a.exa"));
    std::vector<l7_verdict> swept;
    f.classifier.sweep(f.now + 3000, 100, swept);
    REQUIRE(swept.size() == 1);
    CHECK(swept[0].op == L7_APPLY_UPDATE);
    CHECK(f.name(swept[0]) == "http");
}

TEST_CASE("a followed flow that no judge here knows is let go") {
    Fixture f{{"a", kUdpA}};
    l7_record head{};
    head.key.l4 = 6;
    head.key.family = 4;
    head.protocol = L7_PROTOCOL_FIRST;
    head.born = 3;
    head.size = 2;
    const Buffer bytes = bytes_of("xx");
    const auto verdict = f.classifier.take({head, bytes}, f.now);
    REQUIRE(verdict);
    CHECK(verdict->op == L7_APPLY_UNFOLLOW);
    CHECK(verdict->born == 3);
}

TEST_CASE("peers that a tracker or the hash table names are presumed, on both transports") {
    Fixture f{{"bittorrent", "quality=\"great\"\n[[match]]\nl4=\"udp\"\n"
                             "either='^(?:d1:|\\x00\\x00\\x04\\x17|A)'\n"}};
    f.protocols->add_built_in();
    const auto memory = std::make_shared<EndpointMemory>();
    const auto presumed = [&](std::uint8_t last, std::uint8_t l4) {
        l7_endpoint server{};
        const std::uint8_t address[16] = {0, 0, 0,    0,    0,   0, 0, 0,
                                          0, 0, 0xff, 0xff, 192, 0, 2, last};
        std::memcpy(server.addr, address, sizeof(address));
        server.port = L7_BE16(6881);
        server.l4 = l4;
        const auto found = memory->find(server, f.now);
        return found ? f.protocols->name(found->protocol) : "-";
    };
    const auto peer = [](char last) { return std::string("\xc0\0\2", 3) + last + "\x1a\xe1"; };
    const std::string connect("\0\0\4\x17\x27\x10\x19\x80\0\0\0\0\1\2\3\4", 16);
    const std::string announced("\0\0\0\1\1\2\3\4\0\0\7\x08\0\0\0\1\0\0\0\1", 20);
    const std::string answer = "d1:rd2:id20:aaaaaaaaaaaaaaaaaaaa6:valuesl6:";

    SECTION("without a memory none is followed") {
        Fixture::Flow flow;
        CHECK(f.send(flow, 0, connect)->flags == 0);
    }
    Knowledge knowledge{f.database, f.protocols};
    knowledge.endpoints = memory;
    f.classifier.use(knowledge);
    SECTION("a tracker over UDP") {
        Fixture::Flow flow;
        const auto verdict = f.send(flow, 0, connect);
        CHECK(f.name(verdict) == "bittorrent");
        CHECK(verdict->flags == L7_V_FOLLOW);
        CHECK_FALSE(f.send(flow, 1, announced + peer(1)));
        CHECK(presumed(1, 6) == "bittorrent");
        CHECK(presumed(1, 17) == "bittorrent");
        CHECK(presumed(2, 6) == "-");
        CHECK(f.classifier.counters().peers == 1);
    }
    SECTION("the hash table, with the answer first") {
        Fixture::Flow flow;
        CHECK(f.send(flow, 1, answer + peer(1) + "ee1:t1:x1:y1:re")->flags == L7_V_FOLLOW);
        CHECK_FALSE(f.send(flow, 1, answer + peer(2) + "ee1:t1:y1:y1:re"));
        CHECK(presumed(1, 17) == "bittorrent");
        CHECK(presumed(2, 17) == "bittorrent");
    }
    SECTION("a transfer between peers is not followed") {
        Fixture::Flow flow;
        CHECK(f.send(flow, 0, "A\0abcd")->flags == 0);
    }
    SECTION("a tracker over HTTP") {
        Fixture::Flow flow;
        flow.l4 = 6;
        CHECK(f.send(flow, 0, "GET /a?info_hash=x&port=1 HTTP/1.1\r\nHost: t.example\r\n\r\n")
                  ->flags == L7_V_FOLLOW);
        const auto last = f.send(flow, 1, "HTTP/1.1 200 OK\r\n\r\nd5:peers6:" + peer(1) + "e");
        REQUIRE(last);
        CHECK(last->op == L7_APPLY_UPDATE);
        CHECK(f.name(last) == "http");
        CHECK(presumed(1, 6) == "bittorrent");
    }
    SECTION("what has no name of its own takes that of its server's hint") {
        Fixture::Flow flow;
        f.send(flow, 1, answer + peer(1) + "ee1:t1:x1:y1:re");
        l7_record head{};
        const std::uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
        std::memcpy(head.key.addr[1], address, sizeof(address));
        head.key.port[1] = L7_BE16(6881);
        head.key.l4 = 6;
        head.key.family = 4;
        head.born = 9;
        head.hash = l7_key_hash(&head.key);
        head.flags = L7_R_LAST;
        const Buffer bytes = bytes_of("\x91\x12\x83 nothing known");
        head.size = head.wire_size = static_cast<std::uint16_t>(bytes.size());
        const auto verdict = f.classifier.take({head, bytes}, f.now);
        CHECK(f.name(verdict) == "bittorrent");
        CHECK(verdict->reason == L7_REASON_ENDPOINT);

        // What it says is not heard.
        const Buffer lies = bytes_of(announced + peer(3));
        head.key.l4 = 17;
        head.born = 10;
        head.direction = 1;
        head.hash = l7_key_hash(&head.key);
        head.size = head.wire_size = static_cast<std::uint16_t>(lies.size());
        const auto other = f.classifier.take({head, lies}, f.now);
        CHECK(f.name(other) == "bittorrent");
        CHECK(other->reason == L7_REASON_ENDPOINT);
        CHECK(other->flags == 0);
        CHECK(presumed(3, 17) == "-");
    }
}
