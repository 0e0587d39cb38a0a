// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/ranges.hpp"

#include "core/base/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace l7 {

namespace {

std::optional<std::uint64_t> parse_amount(std::string_view text) {
    std::uint64_t unit = 1;
    if (!text.empty()) {
        switch (text.back()) {
        case 'k':
            unit = 1'000;
            break;
        case 'M':
            unit = 1'000'000;
            break;
        case 'G':
            unit = 1'000'000'000;
            break;
        default:
            break;
        }
        if (unit != 1)
            text.remove_suffix(1);
    }
    std::uint64_t whole = 0, part = 0;
    const char *const end = text.data() + text.size();
    const auto [at, failure] = std::from_chars(text.data(), end, whole);
    if (failure != std::errc{} || whole > ~0ULL / unit)
        return std::nullopt;
    whole *= unit;
    if (at == end)
        return whole;
    if (*at != '.' || at + 1 == end)
        return std::nullopt;
    for (const char *digit = at + 1; digit != end; digit++) {
        if (*digit < '0' || *digit > '9')
            return std::nullopt;
        unit /= 10;
        part += static_cast<std::uint64_t>(*digit - '0') * unit;
    }
    return whole + part;
}

} // namespace

std::optional<Range> parse_range(std::string_view text) {
    Range out;
    text = trimmed(text);
    if (text.starts_with('!')) {
        out.outside = true;
        text = trimmed(text.substr(1));
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const std::string_view from = trimmed(text.substr(0, colon));
    const std::string_view to = trimmed(text.substr(colon + 1));
    if (from.empty() && to.empty())
        return std::nullopt;
    for (const auto &[word, into] : {std::pair{from, &out.from}, {to, &out.to}}) {
        if (word.empty())
            continue;
        const auto amount = parse_amount(word);
        if (!amount)
            return std::nullopt;
        *into = *amount;
    }
    return out.from <= out.to ? std::optional(out) : std::nullopt;
}

bool Prefix6::covers(const Prefix6 &other) const {
    if (bits > other.bits)
        return false;
    for (unsigned bit = 0; bit < bits; bit++) {
        const unsigned mask = 0x80U >> (bit % 8);
        if ((address[bit / 8] & mask) != (other.address[bit / 8] & mask))
            return false;
    }
    return true;
}

std::optional<Prefix6> parse_prefix(const std::string &text) {
    const std::size_t slash = text.find('/');
    const std::string host = text.substr(0, slash);
    Prefix6 out;
    unsigned before = 0, most = 128;
    if (inet_pton(AF_INET, host.c_str(), out.address + 12) == 1) {
        out.address[10] = out.address[11] = 0xff;
        before = 96;
        most = 32;
    } else if (inet_pton(AF_INET6, host.c_str(), out.address) != 1) {
        return std::nullopt;
    }
    unsigned bits = most;
    if (slash != std::string::npos) {
        const char *const end = text.data() + text.size();
        const auto [at, failure] = std::from_chars(text.data() + slash + 1, end, bits);
        if (failure != std::errc{} || at != end || bits > most)
            return std::nullopt;
    }
    out.bits = before + bits;
    for (unsigned bit = out.bits; bit < 128; bit++)
        if (out.address[bit / 8] & (0x80U >> (bit % 8)))
            return std::nullopt;
    return out;
}

} // namespace l7
