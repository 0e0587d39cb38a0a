// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/condition.hpp"
#include "core/match/prefix.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <random>
#include <string>
#include <vector>

using namespace l7;

namespace {

const std::vector<std::uint8_t> kData{0x01, 0x02, 0x03, 0x04, 0xff, 0x00, 0x10, 0x20};

bool holds(const std::string &text, std::uint64_t size = kData.size()) {
    const auto condition = Condition::compile(text);
    INFO(text << ": " << (condition ? "" : condition.error().message));
    REQUIRE(condition);
    return condition->holds(kData, size);
}

} // namespace

TEST_CASE("conditions that hold") {
    const auto *text = GENERATE(
        "1", "size == 8", "u8(0) == 1", "be16(0) == 0x0102", "le16(0) == 0x0201",
        "be24(0) == 0x010203", "be32(0) == 0x01020304", "le32(0) == 0x04030201", "u8(u8(0)) == 2",
        "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9", "10 - 3 - 2 == 5", "7 / 2 == 3", "7 % 4 == 3",
        "1 << 4 == 16", "0xf0 >> 4 == 15", "(u8(4) & 0x0f) == 15", "6 ^ 3 == 5", "6 | 1 == 7",
        "-1 < 0", "!0", "~0 == -1", "1 && 2", "0 || 3", "u8(0) in (1, 5..9)", "7 in (1, 5..9)",
        "!(4 in (1, 5..9))", "size - 4 == be16(0) - 254", "0 && u8(100) || 1", "1 || u8(100)",
        "u8(7) == 32 && size >= 8", "3 in (-1, 3)", "1 == 1 && 2 != 3");
    CHECK(holds(text));
}

TEST_CASE("conditions that do not hold") {
    const auto *text = GENERATE("0", "size == 9", "u8(8) == 0", "u8(-1) == 0", "be32(5) == 0",
                                "1 && 0", "0 || 0", "1 / 0 == 1", "1 % 0 == 1", "u8(100) || 1",
                                "1 in (2, 3..9)", "2 < 1", "be16(9223372036854775807) == 1");
    CHECK_FALSE(holds(text));
}

TEST_CASE("size is the datagram's, not what is at hand") {
    CHECK(holds("size == 1400", 1400));
    CHECK_FALSE(holds("size == 1400 && u8(1000) == 0", 1400));
}

TEST_CASE("the empty condition holds") {
    CHECK(Condition().holds({}, 0));
}

TEST_CASE("extreme arithmetic is defined") {
    CHECK(holds("(0 - 9223372036854775807 - 1) / -1 < 0"));
    CHECK(holds("(0 - 9223372036854775807 - 1) % -1 == 0"));
    CHECK(holds("9223372036854775807 + 1 < 0"));
    CHECK(holds("1 << 64 == 0"));
    CHECK(holds("1 << -1 == 0"));
}

TEST_CASE("bad conditions are refused with a column") {
    const auto *text =
        GENERATE("", "1 +", "u8", "u8(", "u8(1", "foo == 1", "1 2", "(1", "1)", "0x", "x in (1)",
                 "1 in 1", "1 in (5..2)", "1 in ()", "&& 1", "99999999999999999999");
    const auto condition = Condition::compile(text);
    INFO(text);
    REQUIRE_FALSE(condition);
    CHECK(condition.error().message.find("column ") == 0);
}

TEST_CASE("nesting is bounded") {
    std::string deep(10000, '(');
    CHECK_FALSE(Condition::compile(deep + "1" + std::string(10000, ')')));
    CHECK_FALSE(Condition::compile(std::string(10000, '!') + "1"));
    std::string wide = "1";
    for (int i = 0; i < 100; i++)
        wide = "(1 + " + wide + ")";
    CHECK_FALSE(Condition::compile(wide));
}

namespace {

/// What leaves every byte open.
Prefix any_prefix() {
    Prefix out;
    for (auto &set : out.allowed)
        set.set();
    out.width = 0;
    return out;
}

Prefix narrowed(const std::string &text) {
    Prefix out = any_prefix();
    const auto condition = Condition::compile(text);
    INFO(text);
    REQUIRE(condition);
    condition->narrow(out);
    return out;
}

bool allows(const Prefix &prefix, const std::vector<std::uint8_t> &data) {
    if (data.size() < prefix.width)
        return false;
    for (std::size_t i = 0; i < data.size() && i < Prefix::kBytes; i++)
        if (!prefix.allowed[i][data[i]])
            return false;
    return true;
}

} // namespace

TEST_CASE("a condition leaves those bytes that it can hold for") {
    const Prefix byte = narrowed("size > 4 && u8(1) in (3, 7..9) && be16(2) == 0x1234");
    CHECK(byte.width == 4);
    CHECK(byte.allowed[1].count() == 4);
    CHECK(byte.allowed[1][8]);
    CHECK((byte.allowed[2].count() == 1 && byte.allowed[2][0x12]));
    CHECK((byte.allowed[3].count() == 1 && byte.allowed[3][0x34]));
    CHECK(byte.allowed[0].all());
    const Prefix little = narrowed("le32(0) < 0x20000");
    CHECK(little.allowed[3].count() == 1);
    CHECK(little.allowed[2].count() == 2);
    CHECK(little.allowed[1].all());
    CHECK(narrowed("be24(0) >= 0xfe0000 && u8(3) != 0").allowed[0].count() == 2);
    // What may be otherwise says nothing.
    for (const char *text : {"u8(0) == 1 || u8(1) == 1", "!(u8(0) == 1)", "(u8(0) == 1) + 1",
                             "u8(0) == size", "u8(u8(0)) == 1", "u8(0) + 1 == 2"}) {
        INFO(text);
        CHECK(narrowed(text).allowed[0].all());
        CHECK(narrowed(text).allowed[1].all());
    }
    CHECK(narrowed("u8(0) == 1 && (u8(1) == 2 || u8(2) == 3)").allowed[0].count() == 1);
    CHECK(narrowed("(u8(0) == 1 && u8(1) == 2) || u8(2) == 3").allowed[0].all());
    CHECK(narrowed("u8(0) == 1 && u8(200) == 2").width == 1);
}

TEST_CASE("no condition is narrowed to less than it holds for") {
    std::mt19937 random(5);
    const auto pick = [&](unsigned most) { return static_cast<unsigned>(random() % (most + 1)); };
    const auto one_of = [&](std::initializer_list<const char *> list) {
        return std::string(list.begin()[pick(static_cast<unsigned>(list.size()) - 1)]);
    };
    const auto term = [&] {
        const std::string read = one_of({"u8", "be16", "be24", "be32", "le16", "le32"}) + "(" +
                                 std::to_string(pick(5)) + ")";
        const std::string number = std::to_string(pick(1) ? pick(3) : pick(3) << (8 * pick(3)));
        switch (pick(4)) {
        case 0:
            return read + " in (" + number + ".." + std::to_string(1 << 26) + ", 1)";
        case 1:
            return "(" + read + " & 3) == " + std::to_string(pick(3));
        case 2:
            return "size" + one_of({" > ", " == "}) + std::to_string(pick(8));
        default:
            return read + one_of({" == ", " != ", " < ", " <= ", " > ", " >= "}) + number;
        }
    };
    unsigned held = 0, refused = 0;
    for (int i = 0; i < 3000; i++) {
        std::string text = term();
        for (unsigned k = pick(3); k > 0; k--)
            text = one_of({"", "", "!"}) + "(" + text + ")" + one_of({" && ", " && ", " || "}) +
                   term();
        const auto condition = Condition::compile(text);
        INFO(text);
        REQUIRE(condition);
        const Prefix prefix = narrowed(text);
        for (int k = 0; k < 40; k++) {
            std::vector<std::uint8_t> data(pick(9));
            for (std::uint8_t &byte : data)
                byte = static_cast<std::uint8_t>(pick(4) ? pick(3) : pick(255));
            if (condition->holds(data, data.size())) {
                held++;
                CHECK(allows(prefix, data));
            } else {
                refused += !allows(prefix, data);
            }
        }
    }
    CHECK(held > 10000);
    CHECK(refused > 10000);
}
