// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/dscp.hpp"

#include "core/base/text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace l7 {

namespace {

struct CodePoint {
    std::string_view name;
    std::uint8_t value;
};

// CS0 is the default forwarding's as well, which people call by either name.
constexpr CodePoint kCodePoints[] = {
    {"CS0", 0},   {"LE", 1},    {"CS1", 8},   {"AF11", 10}, {"AF12", 12}, {"AF13", 14},
    {"CS2", 16},  {"AF21", 18}, {"AF22", 20}, {"AF23", 22}, {"CS3", 24},  {"AF31", 26},
    {"AF32", 28}, {"AF33", 30}, {"CS4", 32},  {"AF41", 34}, {"AF42", 36}, {"AF43", 38},
    {"CS5", 40},  {"VA", 44},   {"EF", 46},   {"CS6", 48},  {"CS7", 56},  {"DF", 0},
};

} // namespace

std::optional<std::uint8_t> parse_dscp(std::string_view text) {
    const std::string word = ascii_lowered(text);
    for (const CodePoint &one : kCodePoints)
        if (word == ascii_lowered(one.name))
            return one.value;
    const bool hex = text.starts_with("0x");
    const std::string_view digits = hex ? text.substr(2) : text;
    std::uint8_t value = 0;
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (failure != std::errc{} || end != digits.data() + digits.size() || value > 63)
        return std::nullopt;
    return value;
}

} // namespace l7
