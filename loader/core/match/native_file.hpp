// SPDX-License-Identifier: GPL-2.0-or-later
// Patterns in the native form, described in docs/l7-pattern.5.md.
#pragma once

#include "core/match/pattern.hpp"

#include <string>
#include <string_view>

namespace l7 {

/// Reads one native pattern file. `stem` is the file's name without its ending, which must be the
/// protocol's. The error's message is `file:line: what`, one line for each thing that is wrong.
Result<Pattern> parse_native_pattern(std::string_view text, const std::string &file,
                                     std::string_view stem);

} // namespace l7
