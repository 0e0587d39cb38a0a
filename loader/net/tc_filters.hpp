// SPDX-License-Identifier: GPL-2.0-or-later
// Which filters stand at a device's clsact hooks, whoever put them there.
#pragma once

#include "core/base/result.hpp"

#include <cstdint>
#include <vector>

namespace l7 {

/// Of the filter that hands to an IFB (net/redirect.hpp), which takes every packet: others come
/// before it.
constexpr std::uint16_t kRedirectPriority = 0xffff;

/// Priorities of the filters at a clsact hook (ingress or egress), ascending; empty where there is
/// no clsact qdisc.
Result<std::vector<std::uint16_t>> filter_priorities(std::uint32_t ifindex, bool egress);

/// True when the device has a clsact (or ingress) qdisc.
Result<bool> has_clsact(std::uint32_t ifindex);

} // namespace l7
