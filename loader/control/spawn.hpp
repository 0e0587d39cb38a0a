// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "control/instance.hpp"
#include "core/base/result.hpp"

namespace l7 {

/// Starts `l7ctl daemon` in the background, in a session of its own, and waits until it answers.
/// The error is what the daemon itself said where it could not start.
Result<void> spawn_daemon(const Instance &instance);

} // namespace l7
