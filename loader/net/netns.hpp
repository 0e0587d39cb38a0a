// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/result.hpp"

#include <string>

namespace l7 {

/// Moves this process, before it has threads, into the network namespace `name` of iproute2
/// (/run/netns/NAME). The mounts stay as they are, unlike with `ip netns exec`, so that bpffs stays
/// visible.
Result<void> enter_netns(const std::string &name);

} // namespace l7
