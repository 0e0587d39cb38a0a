// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/server.hpp"

namespace l7 {

class Daemon;

/// `l7ctl status`: devices, counters, workers and memory; as text, or as one JSON object.
Result<void> status_command(Daemon &daemon, const nlohmann::json &request, Answer &answer);

} // namespace l7
