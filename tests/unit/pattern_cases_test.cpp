// SPDX-License-Identifier: GPL-2.0-or-later
// Every pattern against the conversations in tests/cases, whole and cut at every byte.
#include "capture/offline.hpp"
#include "core/match/known_protocols.hpp"
#include "core/names/protocols.hpp"
#include "support/cases.hpp"

#include <catch2/catch_test_macros.hpp>

#include <map>
#include <set>

using namespace l7;
using namespace l7::test;

namespace {

struct Patterns {
    PatternLibrary library;
    std::shared_ptr<Protocols> protocols = std::make_shared<Protocols>();
    std::shared_ptr<const Database> database;
    std::vector<std::string> rejected;

    Patterns() {
        auto loaded = load_patterns({L7_SOURCE_DIR "/patterns"});
        REQUIRE(loaded);
        library = std::move(*loaded);
        rejected = library.rejected;
        protocols->add_built_in();
        auto compiled = Database::compile(library, *protocols, rejected);
        REQUIRE(compiled);
        database = *compiled;
    }
};

const Patterns &patterns() {
    static const Patterns all;
    return all;
}

const std::vector<Case> &cases() {
    static const std::vector<Case> all = load_cases(L7_SOURCE_DIR "/tests/cases");
    return all;
}

std::string verdict_of(const Case &one) {
    Offline offline({patterns().database, patterns().protocols});
    std::uint64_t time = 1'000'000'000;
    for (const Buffer &packet : packets_of(one))
        offline.packet(packet.data(), packet.size(), static_cast<std::uint32_t>(packet.size()),
                       time += 1'000'000, false);
    offline.finish();
    REQUIRE(offline.path().flows().size() == 1);
    return patterns().protocols->name(offline.path().flows().front().flow.protocol);
}

bool as_expected(const Case &one, const std::string &verdict) {
    return one.expect.rfind("not ", 0) == 0 ? verdict != one.expect.substr(4)
                                            : verdict == one.expect;
}

std::string place(const Case &one) {
    return one.file + ":" + std::to_string(one.line) + ": " + one.title;
}

/// The case with message `which` in two parts.
Case cut(const Case &one, std::size_t which, std::size_t at) {
    Case out = one;
    Message rest = out.messages[which];
    rest.data.erase(rest.data.begin(), rest.data.begin() + static_cast<std::ptrdiff_t>(at));
    out.messages[which].data.resize(at);
    out.messages.insert(out.messages.begin() + static_cast<std::ptrdiff_t>(which) + 1, rest);
    return out;
}

} // namespace

TEST_CASE("every pattern file is accepted") {
    for (const std::string &line : patterns().rejected)
        FAIL_CHECK(line);
    CHECK(patterns().library.patterns.size() >= 57);
}

TEST_CASE("cases are recognised as expected") {
    REQUIRE(cases().size() > 100);
    for (const Case &one : cases()) {
        const std::string verdict = verdict_of(one);
        if (!as_expected(one, verdict))
            FAIL_CHECK(place(one) << ": expected " << one.expect << ", is " << verdict);
    }
    SUCCEED();
}

TEST_CASE("a TCP conversation is recognised however it is cut") {
    for (const Case &one : cases()) {
        if (one.l4 != "tcp" || !one.positive() || !one.nosplit.empty())
            continue;
        for (std::size_t which = 0; which < one.messages.size(); which++) {
            const std::size_t size = one.messages[which].data.size();
            const std::size_t step = std::max<std::size_t>(1, size / 64);
            for (std::size_t at = 1; at < size; at += step) {
                const std::string verdict = verdict_of(cut(one, which, at));
                if (verdict != one.expect) {
                    FAIL_CHECK(place(one)
                               << ": message " << which << " cut at " << at << ": is " << verdict);
                    break;
                }
            }
        }
    }
    SUCCEED();
}

TEST_CASE("every protocol that can be recognised has positive, negative and split cases") {
    struct Kinds {
        unsigned positive = 0, negative = 0, split = 0;
    };
    std::map<std::string, Kinds> kinds;
    for (const Case &one : cases()) {
        Kinds &here = kinds[one.subject()];
        (one.expect == one.subject() ? here.positive : here.negative)++;
        if (one.expect == one.subject() && one.l4 == "tcp" && one.nosplit.empty())
            here.split++;
    }
    for (const auto &[name, protocol] : known_protocols(patterns().library.patterns)) {
        if (protocol.l4 == std::vector<std::string>{"ip"})
            continue; // below
        const Kinds &here = kinds[name];
        INFO(name);
        CHECK(here.positive >= 1);
        CHECK(here.negative >= 1);
        if (std::ranges::find(protocol.l4, "tcp") != protocol.l4.end())
            CHECK(here.split >= 1);
        CHECK_FALSE(protocol.groups.empty());
        CHECK_FALSE(protocol.title.empty());
        CHECK_FALSE(protocol.spec.empty());
    }
}

TEST_CASE("protocols over IP are known by their number, and by no other") {
    for (unsigned number = 0; number < 256; number++) {
        const auto l4 = static_cast<std::uint8_t>(number);
        Buffer packet = {0x45, 0, 0, 24, 0, 0, 0, 0, 64, l4, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
        packet.insert(packet.end(), {1, 2, 3, 4});
        Offline offline({patterns().database, patterns().protocols}, {.tunnels = 0});
        offline.packet(packet.data(), packet.size(), static_cast<std::uint32_t>(packet.size()), 1,
                       true);
        offline.finish();
        if (offline.path().flows().empty())
            continue; // too short for its transport
        INFO(number);
        CHECK(patterns().protocols->name(offline.path().flows().front().flow.protocol) ==
              (ip_protocol_name(l4).empty() ? "unknown" : ip_protocol_name(l4)));
    }
}
