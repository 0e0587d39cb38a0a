// SPDX-License-Identifier: GPL-2.0-or-later
// What the first bytes of data must be for an expression to match it: a cheap question that spares
// most scans.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <string_view>

namespace l7 {

struct Prefix {
    static constexpr std::size_t kBytes = 112;

    /// By offset, the bytes that can stand there in data that matches. More may be allowed than is
    /// true, never less.
    std::array<std::bitset<256>, kBytes> allowed;
    std::size_t width = kBytes; ///< bytes that a match needs at least; kBytes where it needs more
    bool exact = false; ///< data that meets it matches, so that the expression need not be asked
};

/// The prefix of an expression in Perl's syntax (with "." matching every byte, "^" the start of
/// data only). Empty where the expression is not bound to the start, or uses what is not understood
/// here.
std::optional<Prefix> prefix_of(std::string_view expression);

} // namespace l7
