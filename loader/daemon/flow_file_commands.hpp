// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/result.hpp"
#include "daemon/server.hpp"

#include <nlohmann/json.hpp>

namespace l7 {

class Daemon;

/// `l7ctl flows export`: the flows that have a protocol, as a file's bytes.
Result<void> export_flows(Daemon &daemon, const nlohmann::json &request, Answer &answer);

/// `l7ctl flows import`: enters those of the file that came along.
Result<void> import_flows(Daemon &daemon, const nlohmann::json &request, Answer &answer);

} // namespace l7
