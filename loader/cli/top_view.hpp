// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "control/instance.hpp"
#include "core/base/result.hpp"

namespace l7 {

/// Shows rates on the terminal until the user ends it. Leaves the terminal as it was.
Result<void> show_top(const Instance &instance, double interval_s);

} // namespace l7
