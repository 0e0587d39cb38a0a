// SPDX-License-Identifier: GPL-2.0-or-later
// From what a parent says to what is expected, and flows on their way to other nodes.
#include "core/expect/listener.hpp"
#include "core/flow/classifier.hpp"
#include "core/flow/flow_state.hpp"
#include "support/expecting.hpp"
#include "support/memory_table.hpp"

#include <l7ctl/tcp.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace l7;
using namespace l7::test;

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

std::string text_of(Bytes data) {
    return {data.begin(), data.end()};
}

/// What a tape plays of segments.
struct Played {
    Tape tape;
    std::string text;
    Tape::State add(std::uint32_t offset, std::string_view data) {
        return tape.add(offset, bytes_of(data), [&](Bytes piece) { text += text_of(piece); });
    }
};

/// A listener that has one parent of FTP, 192.0.2.1:40000 to 198.51.100.1:21.
struct Heard {
    std::shared_ptr<Expectations> expectations = std::make_shared<Expectations>();
    std::shared_ptr<Protocols> protocols = std::make_shared<Protocols>();
    Listener listener;
    l7_key key{};
    std::uint32_t offset = 0; ///< of what comes next
    std::uint32_t asked = 0;

    explicit Heard(ExpectOptions options = ExpectOptions::defaults(),
                   Translation translation = {}) {
        protocols->number("ftp");
        protocols->number("ftp-data");
        listener.use(options, expectations, protocols, std::move(translation));
        const Parties parties = parties_v4(21);
        for (unsigned end = 0; end < 2; end++) {
            std::memcpy(key.addr[end], parties.address[end].data(), sizeof(key.addr[end]));
            key.port[end] = htons(parties.port[end]);
        }
        key.l4 = IPPROTO_TCP;
        key.family = 4;
        if (const ParentKind *kind = listener.kind_of("ftp", IPPROTO_TCP))
            listener.begin(key, 7, 0, *kind, {.protocol = protocols->find("ftp")});
    }

    bool say(std::string_view line, bool cut = false, bool lost = false) {
        const auto at = offset;
        offset += static_cast<std::uint32_t>(line.size());
        return listener.hear(key, {1, at, bytes_of(line), cut, lost}, kSecondNs);
    }

    void ask(std::string_view command) {
        listener.hear(key, {0, asked, bytes_of(command)}, kSecondNs);
        asked += static_cast<std::uint32_t>(command.size());
    }

    std::vector<std::uint16_t> ports() const {
        std::vector<std::uint16_t> out;
        for (const ExpectationEntry &one : expectations->list())
            out.push_back(ntohs(one.expected.port));
        return out;
    }
};

constexpr std::string_view kPasv = "227 Entering Passive Mode (198,51,100,1,195,80)\r\n"; // 50000

} // namespace

TEST_CASE("a tape plays what is in order, once, and never over a gap") {
    Played played;
    CHECK(played.add(0, "abc") == Tape::State::Whole);
    CHECK(played.add(6, "ghi") == Tape::State::Whole);
    CHECK(played.text == "abc");
    CHECK(played.add(1, "bcd") == Tape::State::Whole);
    CHECK(played.text == "abcd");
    CHECK(played.add(4, "ef") == Tape::State::Whole);
    CHECK(played.text == "abcdefghi");
    CHECK(played.tape.memory() == 0);

    Played wrapping;
    wrapping.add(0xfffffffe, "ab");
    wrapping.add(0, "cd");
    CHECK(wrapping.text == "abcd");

    Played torn;
    torn.add(0, "a");
    Tape::State state = Tape::State::Whole;
    for (std::uint32_t at = 10; state == Tape::State::Whole && at < 100; at += 2)
        state = torn.add(at, "x");
    CHECK(state == Tape::State::Torn);
    CHECK(torn.tape.memory() == 0);
    torn.add(5000, "b");
    CHECK(torn.text == "ab");
}

TEST_CASE("what a parent announces is expected, under its own name or its parent's") {
    Heard heard;
    CHECK(heard.say(kPasv));
    REQUIRE(heard.ports() == std::vector<std::uint16_t>{50000});
    const ExpectationEntry one = heard.expectations->list().front();
    CHECK(one.verdict.protocol == heard.protocols->find("ftp-data"));
    CHECK(one.topic == "data");
    CHECK(one.expires_ns == 301 * kSecondNs);
    CHECK(heard.expectations->parent_of(one.id).has_value());
    heard.expectations->sweep(302 * kSecondNs);
    CHECK(heard.ports().empty());

    ExpectOptions inherit = ExpectOptions::defaults();
    inherit.own.clear();
    Heard plain(inherit);
    plain.say(kPasv);
    CHECK(plain.expectations->list().front().verdict.protocol == plain.protocols->find("ftp"));

    ExpectOptions none = ExpectOptions::defaults();
    none.parents = {"sip"};
    Heard deaf(none);
    CHECK_FALSE(deaf.say(kPasv));
    CHECK(deaf.ports().empty());
}

TEST_CASE("after a gap nothing is believed until the next command") {
    Heard heard;
    CHECK(heard.say("220-rea", true));
    heard.offset += 100;
    heard.ask("PASV\r\n");
    CHECK(heard.say(kPasv)); // may be the end of a line
    CHECK(heard.ports().empty());

    Heard within; // may be among the lines of the greeting
    CHECK(within.say("220-rea", true));
    CHECK(within.say("dy\r\n"));
    CHECK(within.say(kPasv));
    CHECK(within.ports().empty());
    within.ask("NOOP\r\n");
    CHECK(within.say(kPasv));
    CHECK(within.ports() == std::vector<std::uint16_t>{50000});

    heard.ask("PASV\r\n");
    CHECK(heard.say(kPasv));
    CHECK(heard.ports() == std::vector<std::uint16_t>{50000});
    CHECK(heard.listener.counters().torn == 1);
}

TEST_CASE("a hole that is known to stay one is not waited at") {
    Heard heard;
    CHECK(heard.say("220 rea"));
    heard.offset += 100;
    CHECK(heard.say("in its middle\r\n", false, true));
    CHECK(heard.listener.counters().torn == 1);
    heard.ask("PASV\r\n");
    CHECK(heard.say(kPasv, false, true)); // says so still, and none is missing
    CHECK(heard.ports() == std::vector<std::uint16_t>{50000});
    CHECK(heard.listener.counters().torn == 1);

    Heard patient; // nobody said that the bytes will not come
    patient.say("220 rea");
    patient.offset += 5;
    patient.say(kPasv);
    CHECK(patient.ports().empty());
    CHECK(patient.listener.hear(patient.key, {1, 7, bytes_of("dy.\r\n")}, kSecondNs));
    CHECK(patient.ports() == std::vector<std::uint16_t>{50000});
    CHECK(patient.listener.counters().torn == 0);
}

TEST_CASE("a parent that goes over to TLS is not listened to any more") {
    Heard heard;
    CHECK_FALSE(heard.say("234 go on\r\n"));
    CHECK_FALSE(heard.listener.knows(heard.key, 7));
}

TEST_CASE("an announced address means what the kernel makes of it") {
    // The server calls itself 10.0.0.9; we see it as 198.51.100.1.
    Heard heard(ExpectOptions::defaults(), [](const Parties &seen) {
        Parties own = seen;
        own.address[1] = *parse_address("10.0.0.9");
        return std::optional(own);
    });
    heard.say("227 Entering Passive Mode (10,0,0,9,195,80)\r\n");
    REQUIRE(heard.ports() == std::vector<std::uint16_t>{50000});
    CHECK(address_text(heard.expectations->list().front().expected.target) == "198.51.100.1");
}

TEST_CASE("parents are bounded, and the one that was silent longest leaves") {
    Heard heard;
    for (std::uint32_t i = 0; i < Listener::kParents; i++) {
        l7_key other = heard.key;
        other.port[0] = static_cast<__be16>(i);
        other.addr[0][3] = i >> 16 | 0x0a000000U;
        heard.listener.begin(other, 1, 0, parent_kind("ftp"), {});
    }
    CHECK(heard.listener.parents() == Listener::kParents);
    CHECK(heard.listener.counters().pushed_out == 1);
    CHECK_FALSE(heard.listener.knows(heard.key, 7));
}

TEST_CASE("a packet meets what is expected, from its sender, from anyone, media from either end") {
    Expectations expectations;
    const auto packet_of = [](std::uint8_t l4, std::uint16_t sport, std::uint16_t dport,
                              bool turned) {
        l7_packet out{};
        const Parties parties = parties_v4(21);
        std::memcpy(out.key.addr[0], parties.address[0].data(), 16);
        std::memcpy(out.key.addr[1], parties.address[1].data(), 16);
        out.key.port[0] = htons(sport);
        out.key.port[1] = htons(dport);
        out.key.l4 = l4;
        out.from = turned ? 1 : 0;
        return out;
    };
    Announcement to_server{.source = parties_v4(21).address[0],
                           .target = parties_v4(21).address[1],
                           .port = 50000,
                           .l4 = IPPROTO_TCP};
    const auto add = [&](const Announcement &one, std::uint8_t flags = 0) {
        expectations.add({}, one, "t", {.protocol = 20, .flags = flags}, 100 * kSecondNs);
    };
    add(to_server);
    CHECK_FALSE(expectations.take(packet_of(IPPROTO_TCP, 4000, 50001, false), kSecondNs));
    CHECK_FALSE(expectations.take(packet_of(IPPROTO_TCP, 4000, 50000, true), kSecondNs));
    CHECK_FALSE(expectations.take(packet_of(IPPROTO_UDP, 4000, 50000, false), kSecondNs));
    CHECK_FALSE(expectations.take(packet_of(IPPROTO_TCP, 4000, 50000, false), 101 * kSecondNs));
    CHECK(expectations.take(packet_of(IPPROTO_TCP, 4000, 50000, false), kSecondNs)->protocol == 20);
    CHECK_FALSE(expectations.take(packet_of(IPPROTO_TCP, 4000, 50000, false), kSecondNs)); // one

    Announcement media = to_server;
    media.l4 = IPPROTO_UDP;
    add(media);
    CHECK(expectations.take(packet_of(IPPROTO_UDP, 4000, 50000, true), kSecondNs));
    media.source = {};
    add(media, L7_X_STAYS);
    for (int i = 0; i < 3; i++)
        CHECK(expectations.take(packet_of(IPPROTO_UDP, 4000, 50000, false), kSecondNs));
    CHECK(expectations.list().front().met == 3);
}

TEST_CASE("a flow's state comes back as the flow it was of, on a machine with other numbers") {
    Knowledge here, there;
    const auto numbers = [](Knowledge &knowledge, std::vector<std::string> names) {
        auto protocols = std::make_shared<Protocols>();
        auto applications = std::make_shared<NameNumbers>(1, L7_APPLICATIONS_MAX);
        for (const std::string &name : names) {
            protocols->number(name);
            applications->number("app-" + name);
        }
        knowledge.protocols = protocols;
        knowledge.application_numbers = applications;
        knowledge.remember();
    };
    numbers(here, {"ssh", "tls"});
    numbers(there, {"tls", "http", "ssh"});
    l7_flow flow{};
    flow.protocol = here.protocols->find("tls");
    flow.application = here.application_numbers->find("app-tls");
    flow.host = here.hosts->number("www.example.org");
    flow.flags = L7_F_SYN_0 | L7_F_SYN_1 | L7_F_REPLIED | L7_F_FOLLOW;
    flow.reason = L7_REASON_DISSECTOR;
    flow.verdict_packet = 4;
    flow.born = 1000;
    flow.tcp[0] = {.maxwin = 9, .scale = 10, .flags = L7_T_SYN | L7_T_SCALE | L7_T_ACKED};
    flow.tcp[1] = {.scale = L7_TCP_LIBERAL};
    flow.start[0] = 0xfffffff0;
    flow.next[0] = 100;
    flow.rules_now = 5;
    const FlowState state = state_of({}, flow, here, 77, {4000, 1000, 1'000'000});
    CHECK(state.protocol == "tls");
    CHECK(state.born_ms == 997'000);
    CHECK(state.flags == (L7_F_SYN_0 | L7_F_SYN_1 | L7_F_REPLIED));

    const auto back = flow_of(state, there, 77, {500'000, 250, 1'000'100});
    REQUIRE(back);
    CHECK(back->protocol == there.protocols->find("tls"));
    CHECK(back->application == there.application_numbers->find("app-tls"));
    CHECK(there.hosts->name(back->host) == "www.example.org");
    CHECK(back->reason == L7_REASON_REPLICA);
    CHECK(back->born == 500'000 - 3100 / 4);
    CHECK(back->tcp[0].scale == 10);
    CHECK(back->tcp[0].maxwin == 0); // learnt anew
    CHECK(back->tcp[1].scale == L7_TCP_LIBERAL);
    CHECK(back->start[0] == 0xfffffff0);
    CHECK(back->next[0] == 100);
    CHECK(back->rules_now == 5);
    CHECK(flow_of(state, there, 78, {500'000, 250, 1'000'100})->rules_now == 0);

    FlowState child = state;
    child.parent = numbered_flow(9).key;
    const auto one = flow_of(child, there, 77, {}), other = flow_of(child, there, 77, {});
    CHECK(one->parent == other->parent);
    CHECK(KeyEqual()(*there.expectations->parent_of(one->parent), child.parent));
    CHECK(back->parent == 0);

    FlowState unheard = state;
    unheard.protocol = "never-heard-of";
    CHECK_FALSE(flow_of(unheard, there, 77, {}));
}

TEST_CASE("a record that only looks like news of a child is a record") {
    // Of that kind, and no protocol; a fuzzer found it.
    Knowledge knowledge;
    auto protocols = std::make_shared<Protocols>();
    std::vector<std::string> rejected;
    knowledge.protocols = protocols;
    auto database = Database::compile({}, *protocols, rejected);
    REQUIRE(database);
    knowledge.database = *database;
    Classifier classifier;
    classifier.use(knowledge);
    l7_record head{};
    head.key.l4 = IPPROTO_UDP;
    head.kind = L7_RECORD_EXPECTED;
    const auto verdict = classifier.take({head, {}}, 1);
    CHECK((!verdict || verdict->protocol != L7_UNSET));
    head.protocol = L7_PROTOCOL_FIRST;
    const auto child = classifier.take({head, {}}, 1);
    REQUIRE(child);
    CHECK(child->op == L7_APPLY_TOLD);
    CHECK(child->protocol == L7_PROTOCOL_FIRST);
}
