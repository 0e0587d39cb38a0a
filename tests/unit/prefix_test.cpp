// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/prefix_index.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>
#include <hs/hs.h>

#include <algorithm>
#include <random>
#include <string>

using namespace l7;

namespace {

bool possible(const std::string &expression, const std::string &data) {
    const auto prefix = prefix_of(expression);
    REQUIRE(prefix);
    bool met = false;
    PrefixIndex({&*prefix}).each(test::bytes_of(data), [&](std::size_t) {
        met = true;
        return true;
    });
    return met;
}

/// What Hyperscan says, by itself.
class Hyperscan {
  public:
    explicit Hyperscan(const std::string &expression) {
        hs_compile_error_t *failure = nullptr;
        if (hs_compile(expression.c_str(),
                       HS_FLAG_DOTALL | HS_FLAG_ALLOWEMPTY | HS_FLAG_SINGLEMATCH, HS_MODE_BLOCK,
                       nullptr, &database_, &failure) != HS_SUCCESS)
            hs_free_compile_error(failure);
        else
            REQUIRE(hs_alloc_scratch(database_, &scratch_) == HS_SUCCESS);
    }
    ~Hyperscan() {
        hs_free_scratch(scratch_);
        hs_free_database(database_);
    }
    Hyperscan(const Hyperscan &) = delete;
    Hyperscan &operator=(const Hyperscan &) = delete;

    bool matches(const std::string &data) const {
        const auto met = [](unsigned, unsigned long long, unsigned long long, unsigned,
                            void *to) -> int {
            *static_cast<bool *>(to) = true;
            return 1;
        };
        bool out = false;
        if (database_)
            hs_scan(database_, data.data(), static_cast<unsigned>(data.size()), 0, scratch_, met,
                    &out);
        return out;
    }

  private:
    hs_database_t *database_ = nullptr;
    hs_scratch_t *scratch_ = nullptr;
};

/// An expression over a few letters, all that prefix_of understands among them.
class Grammar {
  public:
    explicit Grammar(unsigned seed) : random_(seed) {}

    std::string expression() { return (pick(4) ? "" : "(?i)") + ("^" + sequence(3)); }
    std::string data() {
        std::string out;
        for (unsigned left = pick(12); left > 0; left--)
            out += "abAB0 \n\x01"[pick(8)];
        return out;
    }

  private:
    unsigned pick(unsigned of) { return static_cast<unsigned>(random_() % of); }

    std::string sequence(unsigned depth) {
        std::string out;
        for (unsigned left = 1 + pick(4); left > 0; left--)
            out += one(depth) + quantifier();
        return out;
    }

    std::string one(unsigned depth) {
        static const char *const kinds[] = {
            "a",     "b",   ".",   "[ab]", "[^a]",           "\\x61",
            "[a-b]", "\\d", "\\s", "\\n",  "[^\\x00-\\x1f]", "[0-9A]"};
        if (depth > 0 && pick(3) == 0) {
            std::string inner = sequence(depth - 1);
            if (pick(2))
                inner += "|" + sequence(depth - 1);
            return (pick(2) ? "(?:" : "(") + inner + ")";
        }
        return kinds[pick(std::size(kinds))];
    }

    std::string quantifier() {
        static const char *const kinds[] = {"",  "",    "",      "",     "?", "*",
                                            "+", "{2}", "{0,3}", "{1,}", "*?"};
        return kinds[pick(std::size(kinds))];
    }

    std::mt19937 random_;
};

} // namespace

TEST_CASE("a prefix allows what its expression matches and little else") {
    CHECK(possible("^GET ", "GET /"));
    CHECK_FALSE(possible("^GET ", "PUT /"));
    CHECK_FALSE(possible("^GET ", "GET"));
    CHECK(possible("(?i)^get", "gEt"));
    CHECK(possible("^a{2,3}b", "aab"));
    CHECK(possible("^a{2,3}b", "aaab"));
    CHECK_FALSE(possible("^a{2,3}b", "ab"));
    CHECK(possible("^(?:a|bc)?d", "d"));
    CHECK(possible("^(?:a|bc)?d", "bcd"));
    CHECK_FALSE(possible("^(?:a|bc)?d", "c"));
    CHECK(possible("^[^\\x00-\\x1f]", "\x80"));
    CHECK_FALSE(possible("^[^\\x00-\\x1f]", "\x10"));
    CHECK_FALSE(possible("^.{12}x", "1234567"));
    CHECK_FALSE(possible("^.{12}x", "123456789012y"));
    CHECK(possible("^.{12}x", "123456789012x"));
    CHECK(possible("^.{200}x", std::string(200, 'a') + 'y')); // no further than it looks
    CHECK(possible("^", ""));
    CHECK(possible("^(?s:.{2})a\\b", "..a"));
    CHECK_FALSE(possible("^(?s:.{2})a\\b", "..b"));
    CHECK_FALSE(prefix_of("^a\\b")->exact);
}

TEST_CASE("expressions that are not bound, or not understood, have no prefix") {
    for (const char *expression :
         {"GET", "a|^b", "^a|b", "(?:^a)?b", "(?=a)b", "^(?=a)b", "\\Aa", "^(?i:a)(?x) b",
          "^[[:alpha:]]", "^\\p{L}", "^a{2", "^(a", "^a)", "^[a", "^\\x4", "^*"}) {
        INFO(expression);
        CHECK_FALSE(prefix_of(expression));
    }
    std::string nested = "a";
    for (int i = 0; i < 200; i++)
        nested = "(?:" + nested + "*b)*";
    CHECK_FALSE(prefix_of("^" + nested)); // given up in time
}

TEST_CASE("no prefix ever forbids what Hyperscan matches, and an exact one says the same") {
    Grammar grammar(20261121);
    unsigned matched = 0, exact = 0;
    for (int i = 0; i < 1500; i++) {
        const std::string expression = grammar.expression();
        if (!prefix_of(expression))
            continue;
        const Hyperscan hyperscan(expression);
        for (int k = 0; k < 20; k++) {
            const std::string data = grammar.data();
            if (!hyperscan.matches(data))
                continue;
            matched++;
            INFO(expression);
            CHECK(possible(expression, data));
        }
        for (int k = 0; k < 20 && prefix_of(expression)->exact; k++) {
            const std::string data = grammar.data();
            INFO(expression << " on " << data);
            exact++;
            CHECK(possible(expression, data) == hyperscan.matches(data));
        }
    }
    CHECK(exact > 1000);
    CHECK(matched > 5000); // or the grammar makes nothing that matches
}

TEST_CASE("the index answers for each of many prefixes, in order, until it is told to end") {
    std::vector<Prefix> prefixes;
    for (int i = 0; i < 200; i++)
        prefixes.push_back(*prefix_of(i % 3 == 0 ? "^ab" : "^ba"));
    std::vector<const Prefix *> pointers;
    for (const Prefix &prefix : prefixes)
        pointers.push_back(&prefix);
    const PrefixIndex index(pointers);
    std::vector<std::size_t> met;
    index.each(test::bytes_of("abc"), [&](std::size_t i) {
        met.push_back(i);
        return i < 99;
    });
    REQUIRE(met.size() == 34);
    CHECK(met.back() == 99);
    CHECK(std::ranges::all_of(met, [](std::size_t i) { return i % 3 == 0; }));
    PrefixIndex().each(test::bytes_of("a"), [](std::size_t) -> bool { throw 1; });
}
