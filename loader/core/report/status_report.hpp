// SPDX-License-Identifier: GPL-2.0-or-later
// What `l7ctl status` shows, and what `l7ctl doctor` reads of it.
#pragma once

#include "core/names/endpoint_memory.hpp"
#include "core/report/reports.hpp"
#include "core/sync/reports.hpp"

#include <optional>
#include <string>
#include <vector>

namespace l7 {

/// What parents announced, of all workers.
ListenerCounters announced(const std::vector<WorkerReport> &workers);

struct StatusReport {
    std::uint64_t pid = 0, abi = 0;
    std::string pins, config;
    bool adopted = false; ///< the kernel's state is of an earlier process
    bool bypass = false;
    std::uint32_t mark_mask = 0;
    std::uint64_t packets = 0, bytes = 0; ///< limits of sampling
    std::vector<std::string> tunnels;
    std::uint64_t patterns = 0, patterns_rejected = 0, rules = 0;
    std::vector<DeviceReport> devices;
    Counters counters{};
    std::vector<WorkerReport> workers;
    ControlReport control;
    std::uint64_t ended_flows = 0;
    std::optional<HintReport> hints;          ///< none: servers are not remembered
    std::optional<ExportReport> exported;     ///< none: nothing is
    std::optional<ConntrackReport> conntrack; ///< none: marks are not written
    PickupReport pickup;                      ///< what the loader asked for
    std::optional<SyncReport> sync;           ///< none: nothing is replicated
    NamedCounts kernel_memory;                ///< bytes, by map
    std::vector<std::string> notes;

    static void fields(const auto &visit, auto &of) {
        constexpr Metric kPatterns{"l7ctl_patterns", "Patterns by what became of them.", "state"};
        visit("pid", of.pid);
        visit("abi", of.abi);
        visit("pins", of.pins);
        visit("config", of.config);
        visit("adopted", of.adopted);
        visit("bypass", of.bypass, {"l7ctl_bypass", "1: every packet passes unlooked at."});
        visit("mark_mask", of.mark_mask);
        visit("packets", of.packets);
        visit("bytes", of.bytes);
        visit("tunnels", of.tunnels);
        visit("patterns", of.patterns, kPatterns.as("used"));
        visit("patterns_rejected", of.patterns_rejected, kPatterns.as("rejected"));
        visit("rules", of.rules, {"l7ctl_rules", "Rules in force."});
        visit("devices", of.devices);
        visit("counters", of.counters);
        visit("workers", of.workers);
        visit("control", of.control);
        visit("ended_flows", of.ended_flows,
              {"l7ctl_flows_ended_total", "Flows whose end was noted."});
        visit("hints", of.hints);
        visit("export", of.exported);
        visit("conntrack", of.conntrack);
        visit("pickup", of.pickup);
        visit("expect", announced(of.workers));
        visit("sync", of.sync);
        visit("kernel_memory", of.kernel_memory);
        visit("notes", of.notes);
    }
};

/// Lines for people.
std::vector<std::string> to_text(const SyncReport &report);
std::vector<std::string> to_text(const StatusReport &status);

} // namespace l7
