// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/result.hpp"
#include "daemon/server.hpp"
#include "sync/replication.hpp"

#include <nlohmann/json.hpp>

namespace l7 {

class Daemon;

/// `l7ctl sync ...`
Result<void> sync_command(Daemon &daemon, const nlohmann::json &request, Answer &answer);

nlohmann::ordered_json to_json(const SyncReport &report);

/// Lines for people.
std::vector<std::string> to_text(const SyncReport &report);

} // namespace l7
