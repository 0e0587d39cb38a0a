// SPDX-License-Identifier: GPL-2.0-or-later
// Configuration, patterns and rules, loaded together: all of it is good, or nothing is used.
#pragma once

#include "core/flow/knowledge.hpp"
#include "core/policy/config.hpp"
#include "core/policy/rules.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace l7 {

struct Catalog {
    Config config;
    Knowledge knowledge;
    std::shared_ptr<const RuleTables> rules;
    std::vector<std::string> rejected; ///< patterns left out, `file:line: what`
    std::vector<std::string> warnings; ///< rules that can never match
};

/// Reads the configuration and compiles what it names. `known` are the names that have numbers
/// already. A pattern that is rejected does not fail the whole; a bad configuration does.
Result<Catalog> load_catalog(const std::string &config_file, bool config_needed,
                             const KnownNumbers &known);

/// The pattern directories of a configuration, or the defaults.
std::vector<std::filesystem::path> pattern_directories(const Config &config);

} // namespace l7
