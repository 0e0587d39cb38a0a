// SPDX-License-Identifier: GPL-2.0-or-later
// Ranges of numbers as rules have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace l7 {

/// From..to, both ends in; outside: what is not in it.
struct Range {
    std::uint64_t from = 0;
    std::uint64_t to = ~0ULL;
    bool outside = false;

    bool operator==(const Range &) const = default;
};

/// "from:to" with either end open, "! from:to" for the outside; numbers may have a decimal point
/// and end in k, M or G (SI: 1,000 of the one before). Nothing where it is none of these, or empty.
std::optional<Range> parse_range(std::string_view text);

/// A network: bits of an address of 16 bytes, IPv4 as an IPv4-mapped one.
struct Prefix6 {
    std::uint8_t address[16] = {};
    unsigned bits = 0;

    bool covers(const Prefix6 &other) const;
    bool operator==(const Prefix6 &) const = default;
};

/// "192.0.2.0/24", "2001:db8::1", ...; host bits must be zero.
std::optional<Prefix6> parse_prefix(const std::string &text);

} // namespace l7
