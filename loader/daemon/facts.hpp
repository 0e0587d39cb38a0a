// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/server.hpp"

namespace l7 {

class Daemon;

/// What `l7ctl doctor` asks beyond status and stats, as one JSON object: rules in force, rejected
/// patterns, one-sided flows, how full the tables are. Walks all flows.
Result<void> facts_command(Daemon &daemon, const nlohmann::json &request, Answer &answer);

} // namespace l7
