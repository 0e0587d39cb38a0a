// SPDX-License-Identifier: GPL-2.0-or-later
// Rules in tests.
#pragma once

#include "core/flow/knowledge.hpp"
#include "core/policy/rules.hpp"

#include <string>
#include <utility>
#include <vector>

namespace l7::test {

/// Knowledge of protocols that nothing recognises, by name and groups.
inline Knowledge
knowledge_of(const std::vector<std::pair<std::string, std::vector<std::string>>> &named) {
    PatternLibrary library;
    for (const auto &[name, groups] : named) {
        Pattern pattern;
        pattern.name = name;
        pattern.groups = groups;
        library.patterns.push_back(pattern);
    }
    Knowledge out;
    const auto protocols = std::make_shared<Protocols>();
    std::vector<std::string> rejected;
    out.database = *Database::compile(library, *protocols, rejected);
    out.protocols = protocols;
    return out;
}

inline RuleTables tables_of(const std::vector<Rule> &rules, const Knowledge &knowledge) {
    return RuleTables::compile(rules, knowledge);
}

} // namespace l7::test
