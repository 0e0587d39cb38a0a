// SPDX-License-Identifier: GPL-2.0-or-later
// How a verdict came about, for people and tools.
#pragma once

#include "core/flow/journal.hpp"
#include "core/report/flow_report.hpp"

#include <string>

namespace l7 {

/// Lines of text, the flow's first; `explanation` may be null: nothing is remembered of it.
std::string explain_text(const FlowReport &report, const Explanation *explanation);

/// One JSON object without a newline: the flow's keys, and `explanation`.
std::string explain_json(const FlowReport &report, const Explanation *explanation);

} // namespace l7
