// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/bencode.hpp"

#include <algorithm>

namespace l7 {

namespace {
constexpr unsigned kDigitsMost = 19; ///< fewer than overflow

bool is_digit(std::uint8_t c) {
    return c >= '0' && c <= '9';
}
} // namespace

void Bencode::fail() {
    failed_ = true;
    data_ = {};
}

bool Bencode::is(char kind) const {
    if (data_.empty())
        return false;
    return kind == 's' ? is_digit(data_[0]) : data_[0] == static_cast<std::uint8_t>(kind);
}

bool Bencode::enter(char kind) {
    if (!is(kind))
        return fail(), false;
    data_ = data_.subspan(1);
    return true;
}

bool Bencode::more() {
    if (data_.empty())
        return fail(), false;
    if (data_[0] != 'e')
        return true;
    data_ = data_.subspan(1);
    return false;
}

/// Digits and what ends them, which is passed, too.
std::optional<std::uint64_t> Bencode::digits(char end) {
    std::uint64_t out = 0;
    std::size_t at = 0;
    for (; at < data_.size() && at < kDigitsMost && is_digit(data_[at]); at++)
        out = out * 10 + (data_[at] - '0');
    if (at == 0 || at >= data_.size() || data_[at] != static_cast<std::uint8_t>(end))
        return fail(), std::nullopt;
    data_ = data_.subspan(at + 1);
    return out;
}

Bytes Bencode::string() {
    const auto size = digits(':');
    if (!size)
        return {};
    const bool whole = *size <= data_.size();
    const Bytes out = data_.first(whole ? static_cast<std::size_t>(*size) : data_.size());
    data_ = data_.subspan(out.size());
    if (!whole)
        fail();
    return out;
}

std::optional<std::uint64_t> Bencode::number() {
    return enter('i') ? digits('e') : std::nullopt;
}

void Bencode::skip() {
    unsigned depth = 0;
    do {
        if (data_.empty())
            return fail();
        const std::uint8_t kind = data_[0];
        if (is_digit(kind)) {
            string();
        } else if (kind == 'i') {
            const bool negative = data_.size() > 1 && data_[1] == '-';
            data_ = data_.subspan(negative ? 2 : 1);
            digits('e');
        } else if ((kind == 'l' || kind == 'd') && depth < kDepthMost) {
            data_ = data_.subspan(1);
            depth++;
        } else if (kind == 'e' && depth > 0) {
            data_ = data_.subspan(1);
            depth--;
        } else {
            return fail();
        }
    } while (depth > 0 && ok());
}

} // namespace l7
