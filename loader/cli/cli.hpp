// SPDX-License-Identifier: GPL-2.0-or-later
// The command line: one function per command, which reports to main what became of it.
#pragma once

#include "core/base/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace l7 {

/// Options that stand before any command.
struct GlobalOptions {
    bool json = false;
    std::string config;
    std::string netns;
};

/// Runs `l7ctl argv...`; returns the exit code. Prints results to stdout, errors to stderr.
int run_cli(int argc, char **argv);

struct ClassifyOptions {
    std::vector<std::string> files;
    std::vector<std::string> patterns;
    std::vector<std::string> only_patterns;
};
Result<void> classify_command(const GlobalOptions &global, const ClassifyOptions &options);

/// Where patterns are looked for when none are named: L7CTL_PATTERNS, the source tree that the binary was built in, or
/// /usr/share/l7ctl/patterns; and /etc/l7-protocols where it exists.
std::vector<std::filesystem::path> default_pattern_directories();

} // namespace l7
