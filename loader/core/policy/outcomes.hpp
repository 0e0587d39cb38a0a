// SPDX-License-Identifier: GPL-2.0-or-later
// Rules turned into what the packet path reads: an outcome for each protocol number.
#pragma once

#include "core/match/library.hpp"
#include "core/match/protocols.hpp"
#include "core/policy/config.hpp"

#include <l7ctl/abi.h>

#include <string>
#include <vector>

namespace l7 {

/// For each protocol number the outcome of the first rule that it meets. Names that no pattern has
/// and groups that no protocol is in are told in `warnings`, as `line N: what`.
std::vector<l7_outcome> decide_outcomes(const std::vector<Rule> &rules,
                                        const std::vector<Pattern> &patterns,
                                        const Protocols &protocols,
                                        std::vector<std::string> &warnings);

} // namespace l7
