// SPDX-License-Identifier: GPL-2.0-or-later
// Patterns in l7-filter's form and their dialect, Henry Spencer's V8 regular expressions.
#pragma once

#include "core/match/pattern.hpp"

#include <string>
#include <string_view>

namespace l7 {

/// Reads one `.pat` file. The first line that is neither empty nor a comment is the name, cut at
/// the first blank, which must be `stem`; the second is the expression, of which only the newline
/// is taken off. Later lines are the user-space version's: `userspace pattern=` is used in place of
/// the expression, `userspace flags=` are regcomp's and regexec's, and either makes it a POSIX
/// expression. Header comments give attributes, groups, `Supersedes:` and `Order:`.
Result<Pattern> parse_l7filter_pattern(std::string_view text, const std::string &file,
                                       std::string_view stem, std::string_view group);

/// An expression with each `\xHH` as its byte, which stays a metacharacter where it is one; a NUL
/// ends it, as it was a C string.
std::string without_hex(std::string_view expression);

/// Translates a V8 expression into Hyperscan's syntax, for data without NUL bytes in whichever
/// case: the original lower-cased both. An error is what the original engine would have refused,
/// with its column from 1.
Result<std::string> translate_v8(std::string_view expression);

struct PosixFlags {
    bool extended = true; ///< REG_EXTENDED
    bool icase = true;    ///< REG_ICASE
    bool newline = false; ///< REG_NEWLINE
    bool notbol = false;  ///< REG_NOTBOL: the data's start is no line's
    bool noteol = false;  ///< REG_NOTEOL
};

/// Translates a POSIX expression as regcomp of glibc reads it in the C locale, for data without NUL
/// bytes. Word boundaries and back-references come out as PCRE's, which Hyperscan may refuse.
Result<std::string> translate_posix(std::string_view expression, PosixFlags flags);

} // namespace l7
