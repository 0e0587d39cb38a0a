// SPDX-License-Identifier: GPL-2.0-or-later
// All pattern files of some directories.
#pragma once

#include "core/match/pattern.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace l7 {

struct PatternLibrary {
    std::vector<Pattern> patterns; ///< in order of directory, then path; the first of a name counts
    std::vector<std::string> rejected; ///< `file:line: what` of each file that could not be used
    unsigned duplicates = 0;           ///< names that an earlier file had
    std::vector<std::string> order;    ///< l7-filter's patterns are asked in this order, if any
};

/// Reads every `NAME.toml` and `GROUP/NAME.pat` below each directory. A directory that is not there
/// is an error; a bad file is only rejected.
Result<PatternLibrary> load_patterns(const std::vector<std::filesystem::path> &directories);

/// The directory that comes with the binary: the source tree's that it was built in, or
/// /usr/share/l7ctl/patterns. Patterns of any other are the user's.
std::filesystem::path own_pattern_directory();

/// Where patterns are looked for when none are named: L7CTL_PATTERNS, the source tree that the
/// binary was built in, or /usr/share/l7ctl/patterns; and /etc/l7-protocols where it exists.
std::vector<std::filesystem::path> default_pattern_directories();

} // namespace l7
