// SPDX-License-Identifier: GPL-2.0-or-later
// What answers are made of: the parts of a running daemon, none of which knows the daemon. An
// answer includes the headers of those it uses.
#pragma once

#include "core/base/result.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace l7 {

class CatalogHolder;
class ConntrackMarks;
class Devices;
class FlowExport;
class FlowSync;
class KernelState;
class MetricsServer;
class Notes;
class Pickup;
class ReplicaTable;
class RulesInForce;
class Worker;
struct Instance;
struct ServerCounters;

struct Parts {
    const Instance &instance;
    const bool adopted; ///< the kernel's state is an earlier process's
    KernelState &kernel;
    const CatalogHolder &catalogs;
    Devices &devices;
    RulesInForce &rules;
    ReplicaTable &replicas;
    const FlowSync &sync;
    const ConntrackMarks &conntrack;
    const Pickup &pickup;
    FlowExport &flow_export;
    const std::vector<std::unique_ptr<Worker>> &workers;
    MetricsServer &metrics;
    const ServerCounters &control;
    const Notes &notes;
    const std::atomic<std::uint64_t> &ended_flows;
    const std::function<Result<void>()> reload;
    const std::function<void()> stop;
};

} // namespace l7
