// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/result.hpp"
#include "daemon/server.hpp"

namespace l7 {

class Daemon;

/// `l7ctl sync ...`
Result<void> sync_command(Daemon &daemon, const nlohmann::json &request, Answer &answer);

} // namespace l7
