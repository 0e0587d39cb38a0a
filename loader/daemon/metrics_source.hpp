// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/result.hpp"
#include "metrics/snapshot.hpp"

namespace l7 {

class Daemon;

/// Everything that metrics show, from counters and per-CPU accounting; flows are not walked. From
/// any thread.
Result<MetricsSnapshot> metrics_snapshot(Daemon &daemon);

} // namespace l7
