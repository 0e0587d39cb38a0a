// SPDX-License-Identifier: GPL-2.0-or-later
// What in the rules cannot be meant: names that nothing has, rules that are never reached, marks
// that cannot be told apart, classes that no rule gives.
#pragma once

#include "core/flow/knowledge.hpp"
#include "core/policy/config.hpp"

#include <string>
#include <vector>

namespace l7 {

/// A line each, `line N: what`; none of it keeps the rules from being used.
std::vector<std::string> check_rules(const Config &config, const Knowledge &knowledge);

} // namespace l7
