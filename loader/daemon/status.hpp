// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/report/status_report.hpp"
#include "daemon/server.hpp"

namespace l7 {

class Daemon;

/// Devices, counters, workers and memory, as they are now.
Result<StatusReport> status_report(Daemon &daemon);

/// `l7ctl status`: the same as text, or as one JSON object.
Result<void> status_command(Daemon &daemon, const nlohmann::json &request, Answer &answer);

} // namespace l7
