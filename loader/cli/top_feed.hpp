// SPDX-License-Identifier: GPL-2.0-or-later
// What `l7ctl top` asks of the daemon.
#pragma once

#include "control/instance.hpp"
#include "core/base/result.hpp"
#include "core/report/top_model.hpp"

namespace l7 {

/// Flows beyond this many are not looked at, so that a flood does not stop the view.
inline constexpr std::size_t kTopFlowsMax = 20000;

/// Counters as they are now; with flows that carried something within the last minute.
Result<TopSnapshot> read_top(const Instance &instance, bool with_flows);

/// How the flow got its verdict, in lines.
Result<std::vector<std::string>> explain_flow(const Instance &instance, const TopFlow &flow);

} // namespace l7
