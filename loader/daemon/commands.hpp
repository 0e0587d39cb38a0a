// SPDX-License-Identifier: GPL-2.0-or-later
// What a running daemon does for the command line.
#pragma once

#include "daemon/server.hpp"

namespace l7 {

class Daemon;

/// Carries out one request. "json": true in it asks for JSON lines instead of text.
Result<void> carry_out(Daemon &daemon, const nlohmann::json &request, Answer &answer);

} // namespace l7
