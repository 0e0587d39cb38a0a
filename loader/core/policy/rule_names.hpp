// SPDX-License-Identifier: GPL-2.0-or-later
// Names of protocols, applications and groups that rules may use.
#pragma once

#include "core/flow/knowledge.hpp"

#include <map>
#include <set>
#include <string>

namespace l7 {

struct RuleNames {
    std::set<std::string> protocols, applications, groups;
    std::map<std::string, std::set<std::uint16_t>> protocols_of, applications_of; ///< by group

    explicit RuleNames(const Knowledge &knowledge);
};

} // namespace l7
