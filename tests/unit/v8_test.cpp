// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/database.hpp"
#include "core/match/pat_file.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace l7;
using namespace l7::test;

namespace {

bool matches(const std::string &expression, const std::string &data) {
    PatternLibrary library;
    Pattern pattern;
    pattern.name = "x";
    pattern.form = Pattern::Form::L7Filter;
    const auto translated = translate_v8(expression);
    INFO(expression);
    REQUIRE(translated);
    pattern.expression = *translated;
    library.patterns.push_back(pattern);
    Protocols protocols;
    std::vector<std::string> rejected;
    const auto database = Database::compile(library, protocols, rejected);
    REQUIRE(database);
    INFO(*translated);
    REQUIRE(rejected.empty());
    Scanner scanner(*database);
    return !scanner.scan_l7filter(bytes_of(data)).empty();
}

} // namespace

TEST_CASE("the V8 dialect, not PCRE") {
    CHECK(matches("^abc", "abcd"));
    CHECK_FALSE(matches("^abc", "xabc"));
    CHECK(matches("abc$", "xabc"));
    CHECK_FALSE(matches("abc$", "abc\n")); // the very end only
    CHECK(matches("a.c", "a\nc"));
    CHECK(matches("ABC", "abc")); // patterns are lower-cased, as the data is
    CHECK(matches("a{2}", "a{2}"));
    CHECK(matches("\\w", "w"));
    CHECK_FALSE(matches("\\w", "a"));
    CHECK(matches("\\d\\b", "db"));
    CHECK(matches("[a\\-z]", "b")); // a range from backslash to z
    CHECK(matches("[\\]x", "\\x")); // a set of one backslash
    CHECK(matches("[]a]", "]"));
    CHECK(matches("[^]a]", "b"));
    CHECK_FALSE(matches("[^]a]", "]"));
    CHECK(matches("[[:alpha:]]", "a]"));
    CHECK_FALSE(matches("[[:alpha:]]", "z]"));
    CHECK(matches("[a-]", "-"));
    CHECK(matches("[-a]", "-"));
    CHECK(matches("(a|b)+c", "ababc"));
    CHECK(matches("a||b", "zzz"));
    CHECK(matches("x(ab)?y", "xy"));
    CHECK(matches("a|^b$", "b"));
}

TEST_CASE("hexadecimal bytes come before the expression") {
    CHECK(matches("^\\x16\\x03", "\x16\x03"));
    CHECK(matches("a\\x2e", "ab"));      // a metacharacter stays one
    CHECK(matches("^\\x41", "a"));       // and is lower-cased
    CHECK(matches("ab\\x00cd", "abzz")); // NUL ends the expression
    CHECK(matches("\\xff\\xfe", "\xff\xfe"));
    CHECK(matches("\\x5cw", "w")); // becomes \w: the letter
}

TEST_CASE("what the original refuses is refused") {
    const auto *expression =
        GENERATE("a**", "a*?", "(a*)*", "(a?)+", "*a", "(?:a)", "(?i)a", "a(b", "a)b", "[a",
                 "[z-a]", "\\", "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "(^)*", "|*");
    INFO(expression);
    CHECK_FALSE(translate_v8(expression));
}

TEST_CASE("deep nesting is refused, not overflowed") {
    CHECK_FALSE(translate_v8(std::string(100000, '(')));
}

TEST_CASE(".pat files") {
    const auto good = parse_l7filter_pattern(
        "# Foo - test\n# Pattern attributes: good fast superset\n"
        "# Protocol groups: chat im_proto\n\nfoo bar\n^foo \nuserspace flags=REG_ICASE\n",
        "g/foo.pat", "foo", "g");
    REQUIRE(good);
    CHECK(good->name == "foo");
    CHECK(good->quality == Quality::Good);
    CHECK(good->groups == std::vector<std::string>{"g", "chat", "im_proto"});
    CHECK(good->attributes == std::vector<std::string>{"good", "fast", "superset"});
    CHECK(good->expression == "(?i)(?:^)foo\\x20"); // the trailing blank belongs to it
    CHECK(good->line == 6);

    CHECK_FALSE(parse_l7filter_pattern("foo\n", "foo.pat", "foo", ""));
    CHECK_FALSE(parse_l7filter_pattern("", "foo.pat", "foo", ""));
    const auto other = parse_l7filter_pattern("bar\nx\n", "foo.pat", "foo", "");
    REQUIRE_FALSE(other);
    CHECK(other.error().message.find("foo.pat:1:") == 0);
    const auto bad = parse_l7filter_pattern("#c\nfoo\na**\n", "foo.pat", "foo", "");
    REQUIRE_FALSE(bad);
    CHECK(bad.error().message.find("foo.pat:3: column ") == 0);
}
