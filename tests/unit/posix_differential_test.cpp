// SPDX-License-Identifier: GPL-2.0-or-later
// The translation of POSIX expressions against the C library's regexec, on generated patterns and
// data, through the engine that would have them: Hyperscan, or PCRE2 where that refuses.
#include "core/match/compile_cache.hpp"
#include "core/match/hyperscan.hpp"
#include "core/match/pat_file.hpp"
#include "core/match/pcre.hpp"

#include <catch2/catch_test_macros.hpp>
#include <hs/hs.h>

#include <random>
#include <regex.h>

using namespace l7;

namespace {

constexpr int kPatterns = 2000;
constexpr int kData = 30;

class Generator {
  public:
    static constexpr int kDepth = 2;
    std::mt19937_64 random{20260102};

    unsigned pick(unsigned below) { return static_cast<unsigned>(random() % below); }

    template <std::size_t N>
    std::string one_of(const char *const (&list)[N]) {
        return list[pick(N)];
    }

    std::string pattern(bool extended, int depth = kDepth) {
        std::string out = branch(extended, depth);
        while (pick(4) == 0)
            out += (extended ? "|" : "\\|") + branch(extended, depth);
        return out;
    }

    std::string data() {
        static constexpr char kAlphabet[] = "aaaabbbbccABC -_]\\.\n\n{}1";
        std::string out;
        for (unsigned i = pick(16); i > 0; i--)
            out += kAlphabet[pick(sizeof(kAlphabet) - 1)];
        return out;
    }

  private:
    /// Anchors only outermost: those in the middle glibc takes for met where they are not, as in
    /// `(.+$).` on "ab".
    std::string branch(bool extended, int depth) {
        std::string out;
        const bool outermost = depth == kDepth;
        if (outermost && pick(4) == 0)
            out += '^';
        for (unsigned i = 1 + pick(3); i > 0; i--) {
            out += atom(extended, depth);
            if (pick(3) == 0)
                out += repeat(extended);
        }
        if (outermost && pick(5) == 0)
            out += '$';
        return out;
    }

    std::string repeat(bool extended) {
        if (extended)
            return one_of({"*", "+", "?", "{2}", "{1,}", "{0,2}", "{,1}"});
        return one_of({"*", "\\+", "\\?", "\\{2\\}", "\\{1,\\}", "\\{0,2\\}"});
    }

    std::string atom(bool extended, int depth) {
        switch (pick(depth > 0 ? 8 : 6)) {
        case 0:
            return ".";
        case 1:
            return one_of({"[ab]", "[^a]", "[a-c]", "[[:upper:]]", "[^[:space:]]", "[]a]", "[^]a]",
                           "[a-]", "[[:digit:]b]", "[[.-.]a]", "[[=a=]c]", "[\\a]"});
        case 2:
            return one_of({"\\w", "\\W", "\\s", "\\S", "\\.", "\\x61", "\\]", "-"});
        case 6:
        case 7:
            return (extended ? "(" : "\\(") + pattern(extended, depth - 1) +
                   (extended ? ")" : "\\)");
        default:
            return one_of({"a", "b", "c", "A", "ab"});
        }
    }
};

/// As the user-space version did it: `\xHH` first, then regcomp.
struct Reference {
    regex_t compiled{};
    bool good;
    int how;

    Reference(const std::string &text, PosixFlags flags)
        : how((flags.notbol ? REG_NOTBOL : 0) | (flags.noteol ? REG_NOTEOL : 0)) {
        std::string bytes = text;
        for (std::size_t at; (at = bytes.find("\\x61")) != std::string::npos;)
            bytes.replace(at, 4, "a");
        good = regcomp(&compiled, bytes.c_str(),
                       (flags.extended ? REG_EXTENDED : 0) | (flags.icase ? REG_ICASE : 0) |
                           (flags.newline ? REG_NEWLINE : 0) | REG_NOSUB) == 0;
    }
    ~Reference() {
        if (good)
            regfree(&compiled);
    }
    Reference(const Reference &) = delete;
    Reference &operator=(const Reference &) = delete;

    bool matches(const std::string &data) const {
        return regexec(&compiled, data.c_str(), 0, nullptr, how) == 0;
    }
};

struct Engine {
    hs_scratch_t *scratch = nullptr;
    HyperscanDatabase database;
    std::optional<Pcre> verify;

    explicit Engine(const std::string &expression) {
        const auto info = examine(expression);
        const std::string scanned = info ? expression : "(?:)";
        ExpressionBatch batch;
        batch.add(scanned, 0, info && info->prefilter);
        std::vector<RefusedExpression> refused;
        auto made = batch.compile_together(CompileCache(""), refused);
        REQUIRE(made);
        REQUIRE(made->size() == 1);
        database = std::move(made->front());
        REQUIRE(hs_alloc_scratch(database.get(), &scratch) == HS_SUCCESS);
        if (!info || info->prefilter)
            verify = std::move(*Pcre::compile(expression));
    }
    ~Engine() { hs_free_scratch(scratch); }
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;

    bool matches(const std::string &data) const {
        bool found = false;
        hs_scan(
            database.get(), data.data(), static_cast<unsigned>(data.size()), 0, scratch,
            [](unsigned, unsigned long long, unsigned long long, unsigned, void *to) {
                *static_cast<bool *>(to) = true;
                return 1;
            },
            &found);
        return found &&
               (!verify || verify->matches(
                               {reinterpret_cast<const std::uint8_t *>(data.data()), data.size()}));
    }
};

} // namespace

TEST_CASE("the translation and the C library agree on POSIX expressions") {
    Generator generate;
    int compared = 0, matched = 0, verified = 0;

    for (int i = 0; i < kPatterns; i++) {
        const PosixFlags flags{generate.pick(4) != 0, generate.pick(2) == 0, generate.pick(3) == 0,
                               generate.pick(12) == 0, generate.pick(12) == 0};
        const std::string text = generate.pattern(flags.extended);
        INFO(text << (flags.extended ? " extended" : " basic") << (flags.icase ? " icase" : "")
                  << (flags.newline ? " newline" : "") << (flags.notbol ? " notbol" : "")
                  << (flags.noteol ? " noteol" : ""));
        const Reference reference(text, flags);
        const auto translated = translate_posix(text, flags);
        CHECK(reference.good == static_cast<bool>(translated));
        if (!reference.good || !translated)
            continue;
        INFO(*translated);
        const Engine engine(*translated);
        verified += engine.verify.has_value();
        for (int j = 0; j < kData; j++) {
            const std::string data = generate.data();
            const bool expected = reference.matches(data);
            compared++;
            matched += expected;
            if (engine.matches(data) != expected)
                FAIL_CHECK("on '" << data << "': the C library says " << expected);
        }
    }
    CHECK(compared > kPatterns * kData * 9 / 10);
    CHECK(matched > compared / 10);
    CHECK(verified > 0);
}
