// SPDX-License-Identifier: GPL-2.0-or-later
// The translation of V8 expressions against a backtracking matcher, on generated patterns and data.
#include "core/match/compile_cache.hpp"
#include "core/match/hyperscan.hpp"
#include "core/match/pat_file.hpp"
#include "support/v8_reference.hpp"

#include <catch2/catch_test_macros.hpp>
#include <hs/hs.h>

#include <random>

using namespace l7;
using namespace l7::test;

namespace {

constexpr int kPatterns = 3000;
constexpr int kData = 40;
constexpr int kFewest = 100'000; // pairs that must have been compared, and agreed on

class Generator {
  public:
    std::string pattern() {
        std::string out;
        if (pick(40) == 0) { // anything at all, mostly to be refused alike
            for (unsigned i = pick(12); i > 0; i--)
                out += kSoup[pick(sizeof(kSoup) - 1)];
            return out;
        }
        return choice(3);
    }

    std::string data() {
        std::string out;
        for (unsigned i = pick(pick(4) ? 10 : 40); i > 0; i--)
            out += pick(30) ? kAlphabet[pick(sizeof(kAlphabet) - 1)]
                            : static_cast<char>(1 + pick(255));
        return out;
    }

  private:
    static constexpr char kSoup[] = "ab^$.[]()|*+?\\-x4{}:A1";
    static constexpr char kAlphabet[] = "aaaabbbbccABC-]\\^$.\n\x7f\x80\xff";

    unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }

    std::string choice(int depth) {
        std::string out = branch(depth);
        while (pick(4) == 0)
            out += '|' + branch(depth);
        return out;
    }

    std::string branch(int depth) {
        std::string out;
        if (pick(4) == 0)
            out += '^';
        for (unsigned i = pick(10) ? 1 + pick(3) : 0; i > 0; i--) {
            out += atom(depth);
            if (pick(3) == 0)
                out += "*+?"[pick(3)];
        }
        if (pick(6) == 0)
            out += '$';
        return out;
    }

    std::string atom(int depth) {
        static const char *const kLiterals[] = {"a",     "b",   "c",     "A",     "B",
                                                "\\.",   "\\^", "\\x61", "\\x42", "\\x0a",
                                                "\\xff", "\\-", "{",     "]",     "\\w"};
        switch (pick(depth > 0 ? 9 : 7)) {
        case 0:
            return ".";
        case 1:
            return set();
        case 2:
            return pick(4) ? "a" : pick(2) ? "^" : "$";
        case 7:
        case 8:
            return '(' + choice(depth - 1) + ')';
        default:
            return kLiterals[pick(std::size(kLiterals))];
        }
    }

    std::string set() {
        static const char *const kMembers[] = {"a",           "b",           "a-c", "A-C", "-",
                                               "\\",          "\\x61-\\x63", "^",   ".",   "x-z",
                                               "\\x01-\\x60", "[:alpha:",    "\n"};
        std::string out = pick(3) ? "[" : "[^";
        for (unsigned i = 1 + pick(3); i > 0; i--)
            out += kMembers[pick(std::size(kMembers))];
        return out + ']';
    }

    std::mt19937_64 random_{20260101};
};

int met(unsigned, unsigned long long, unsigned long long, unsigned, void *to) {
    *static_cast<bool *>(to) = true;
    return 1;
}

struct Scratch {
    hs_scratch_t *at = nullptr;
    ~Scratch() { hs_free_scratch(at); }
};

} // namespace

TEST_CASE("the translation and a backtracking matcher agree on generated patterns and data") {
    Generator generate;
    Scratch scratch;
    int compared = 0, refused = 0, matched = 0;

    for (int i = 0; i < kPatterns; i++) {
        const std::string text = generate.pattern();
        INFO(text);
        const auto reference = V8Reference::compile(text);
        const auto translated = translate_v8(text);
        REQUIRE(reference.has_value() == static_cast<bool>(translated));
        if (!reference) {
            refused++;
            continue;
        }
        INFO(*translated);
        ExpressionBatch batch;
        batch.add(*translated, 0);
        std::vector<RefusedExpression> refusals;
        auto database = batch.compile_together(CompileCache(""), refusals);
        REQUIRE(database);
        for (const RefusedExpression &one : refusals)
            FAIL(one.why);
        REQUIRE(hs_alloc_scratch(database->front().get(), &scratch.at) == HS_SUCCESS);
        for (int j = 0; j < kData; j++) {
            const std::string data = generate.data();
            const auto expected = reference->matches(data);
            if (!expected)
                continue;
            bool found = false;
            hs_scan(database->front().get(), data.data(), static_cast<unsigned>(data.size()), 0,
                    scratch.at, met, &found);
            compared++;
            matched += found;
            if (found != *expected)
                FAIL_CHECK("on '" << data << "': " << found << ", the matcher says " << *expected);
        }
    }
    CHECK(compared >= kFewest);
    CHECK(refused > kPatterns / 100);
    CHECK(matched > compared / 10);
    CHECK(matched < compared * 9 / 10);
}
