// SPDX-License-Identifier: GPL-2.0-or-later
// The resident process.
#pragma once

#include "control/instance.hpp"
#include "core/base/result.hpp"

#include <functional>

namespace l7 {

/// Brings everything up, calls `started`, and serves until SIGTERM, SIGINT or a request ends it;
/// SIGHUP reloads. Programs stay on their devices.
Result<void> run_daemon(const Instance &instance, bool discard_state,
                        const std::function<void()> &started);

} // namespace l7
