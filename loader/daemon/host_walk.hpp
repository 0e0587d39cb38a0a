// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/result.hpp"
#include "metrics/top_hosts.hpp"

namespace l7 {

class Daemon;

/// Walks the flows for the hosts with most traffic: for a second at most, whatever there is, and in
/// a thread that gives way to those that match. From any thread.
Result<HostsReport> walk_hosts(Daemon &daemon);

} // namespace l7
