// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/condition.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

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
