// SPDX-License-Identifier: GPL-2.0-or-later
// Patterns in l7-filter's form and their dialect, Henry Spencer's V8 regular expressions.
#pragma once

#include "core/match/pattern.hpp"

#include <string>
#include <string_view>

namespace l7 {

/// Reads one `.pat` file. The first line that is neither empty nor a comment is the name, cut at
/// the first blank, which must be `stem`; the second is the expression, of which only the newline
/// is taken off. `userspace` lines after it are read past. Header comments give quality and groups.
Result<Pattern> parse_l7filter_pattern(std::string_view text, const std::string &file,
                                       std::string_view stem, std::string_view group);

/// Translates a V8 expression into Hyperscan's syntax, for data that is lower-cased and without NUL
/// bytes. An error is what the original engine would have refused, with its column from 1.
Result<std::string> translate_v8(std::string_view expression);

} // namespace l7
