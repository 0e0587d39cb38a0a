// SPDX-License-Identifier: GPL-2.0-or-later
// What the parts of the daemon report of themselves, each with the list of its fields.
#pragma once

#include "core/base/fields.hpp"
#include "core/flow/classifier.hpp"
#include "core/report/latency.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

namespace families {
#define L7_FAMILY(id, name, label, help) inline constexpr Metric id{name, help, label};
L7_COUNTER_FAMILIES(L7_FAMILY)
#undef L7_FAMILY
} // namespace families

/// The datapath's, under the names of include/l7ctl/counters.h.
struct Counters : l7_counters {
    static void fields(const auto &visit, auto &of) {
#define L7_FIELD(name, family, value) visit(#name, of.name, families::family.as(value));
        L7_COUNTER_LIST(L7_FIELD)
#undef L7_FIELD
    }
};

/// Copies of a worker's counters.
struct WorkerReport {
    ClassifierCounters classifier;
    ListenerCounters listener;
    ScanTime scan;
    std::uint64_t wakeups = 0;
    std::uint64_t batches = 0;
    std::uint64_t verdicts = 0;
    std::uint64_t apply_failures = 0;
    std::uint64_t bad_records = 0;
    std::uint64_t undecided = 0;
    std::uint64_t memory = 0;
    std::uint64_t ring_waiting = 0;
    std::uint64_t ring_size = 0;
    Latency latency; ///< from a verdict's packet to its being in force

    static void fields(const auto &visit, auto &of) {
        ClassifierCounters::fields(visit, of.classifier);
        visit("undecided", of.undecided,
              {"l7ctl_worker_undecided_flows", "Flows a worker holds bytes of."});
        visit("memory", of.memory,
              {"l7ctl_worker_memory_bytes", "Memory a worker holds for flows."});
        visit("verdicts", of.verdicts);
        visit("batches", of.batches);
        visit("scans", of.scan.scans,
              {"l7ctl_worker_hyperscan_scans_total", "Times Hyperscan was run."});
        visit("scan_ns", of.scan.ns,
              {.family = "l7ctl_worker_hyperscan_seconds_total",
               .help = "Time in Hyperscan; one scan in 16 is timed and stands for all.",
               .per = 1e9});
        visit("wakeups", of.wakeups, {"l7ctl_worker_wakeups_total", "Times a worker was woken."});
        visit("apply_failures", of.apply_failures,
              {"l7ctl_worker_apply_failures_total",
               "Batches of verdicts that the kernel did not take."});
        visit(
            "bad_records", of.bad_records,
            {"l7ctl_worker_bad_records_total", "Records that make no sense and were passed over."});
        visit("ring_waiting", of.ring_waiting,
              {"l7ctl_ring_used_bytes", "Bytes that wait in a worker's ring."});
        visit("ring_size", of.ring_size, {"l7ctl_ring_size_bytes", "Room of a worker's ring."});
        visit("latency_us", of.latency);
    }
};

/// Our program on a hook.
struct HookReport {
    std::string way;       ///< "tcx", "clsact"
    std::string position;  ///< "head", "tail"
    bool in_place = false; ///< false: somebody took it off behind our back
    std::string xdp = {};  ///< "native", "generic", or "": none there

    static void fields(const auto &visit, auto &of) {
        visit("way", of.way);
        visit("position", of.position);
        visit("in_place", of.in_place,
              {"l7ctl_device_attached",
               "1 where the program is in its place, 0 where it should be."});
        of.xdp.empty() ? visit("xdp", nullptr) : visit("xdp", of.xdp);
    }
};

struct DeviceReport {
    std::string name;
    bool present = false; ///< false: it vanished and is awaited
    bool up = false;
    bool l3 = false;                           ///< its packets have no link header
    std::optional<HookReport> ingress, egress; ///< none: we are not on it
    std::string trouble; ///< why a device that came back could not be attached to

    static void fields(const auto &visit, auto &of) {
        visit("dev", of.name);
        visit("present", of.present);
        visit("up", of.up);
        visit("l3", of.l3);
        visit("ingress", of.ingress);
        visit("egress", of.egress);
        visit("trouble", of.trouble);
    }
};

/// Flow records on their way into a file.
struct JsonLinesReport {
    std::uint64_t records = 0;
    std::uint64_t lost = 0;
    std::uint64_t errors = 0;

    static void fields(const auto &visit, auto &of) {
        visit("records", of.records);
        visit("lost", of.lost);
        visit("errors", of.errors);
    }
};

/// Flow records on their way to a collector.
struct CollectorReport {
    std::uint64_t records = 0; ///< flows in messages that the socket took
    std::uint64_t lost = 0;    ///< flows that no collector was there for, or that found no room
    std::uint64_t messages = 0;
    std::uint64_t errors = 0;
    std::uint64_t connects = 0;
    bool connected = false;

    static void fields(const auto &visit, auto &of) {
        visit("records", of.records);
        visit("lost", of.lost);
        visit("messages", of.messages, {}, false);
        visit("errors", of.errors);
        visit("connects", of.connects, {}, false);
        visit("connected", of.connected);
    }
};

struct ExportReport {
    std::uint64_t records = 0; ///< taken into the queue
    std::uint64_t dropped = 0; ///< found it full
    std::uint64_t waiting = 0;
    JsonLinesReport json;
    CollectorReport ipfix;
    std::string last_error;

    static void fields(const auto &visit, auto &of) {
        visit("records", of.records);
        visit("dropped", of.dropped);
        visit("waiting", of.waiting);
        visit("json", of.json);
        visit("ipfix", of.ipfix);
        visit("last_error", of.last_error);
    }
};

/// Marks of tracked connections.
struct ConntrackReport {
    std::uint64_t marked = 0;
    std::uint64_t untracked = 0; ///< no such connection, also a while later
    std::uint64_t failed = 0;    ///< the kernel refused
    std::uint64_t dropped = 0;   ///< the queue was full
    std::string last_error;

    static void fields(const auto &visit, auto &of) {
        constexpr Metric kConntrackMarks{
            "l7ctl_conntrack_marks_total",
            "Verdicts for the marks of tracked connections by what became of them.", "result"};
        visit("marked", of.marked, kConntrackMarks.as("written"));
        visit("untracked", of.untracked, kConntrackMarks);
        visit("failed", of.failed, kConntrackMarks);
        visit("dropped", of.dropped, kConntrackMarks);
        visit("last_error", of.last_error);
    }
};

/// TCP connections met midway, by what the kernel's connection tracking said of them.
struct PickupReport {
    std::string by = {}; ///< who looks scales up: "kfunc", the packet path; "ctnetlink", the loader
    std::uint64_t asked = 0;
    std::uint64_t scaled = 0;    ///< flows that were told their scales
    std::uint64_t named = 0;     ///< flows that were what their connection's mark says
    std::uint64_t untracked = 0; ///< the kernel knows no such connection
    std::uint64_t unknown = 0;   ///< it does, but not its scales
    std::uint64_t limited = 0;   ///< not asked for: too many in a second
    std::uint64_t failed = 0;
    std::string last_error = {};
    /// What the packet path looked up itself, which the kernel's counters have.
    std::uint64_t path_scaled = 0, path_untracked = 0, path_unknown = 0;

    static void fields(const auto &visit, auto &of) {
        constexpr Metric kPickups{"l7ctl_pickups_total",
                                  "TCP connections met midway that the loader asked the kernel's "
                                  "connection tracking about, by "
                                  "what it said.",
                                  "result"};
        visit("by", of.by);
        visit("asked", of.asked);
        visit("scaled", of.scaled + of.path_scaled);
        visit("", of.scaled, kPickups.as("scaled"));
        visit("named", of.named, kPickups);
        visit("untracked", of.untracked + of.path_untracked);
        visit("", of.untracked, kPickups.as("untracked"));
        visit("unknown", of.unknown + of.path_unknown);
        visit("", of.unknown, kPickups.as("unknown"));
        visit("limited", of.limited, kPickups);
        visit("failed", of.failed, kPickups);
        visit("last_error", of.last_error);
    }
};

/// Requests at the control socket.
struct ControlReport {
    std::uint64_t requests = 0;
    std::uint64_t refused = 0;   ///< over the bound of connections, or not root
    std::uint64_t malformed = 0; ///< no request at all, too long, no JSON

    static void fields(const auto &visit, auto &of) {
        constexpr Metric kRequests{"l7ctl_control_requests_total",
                                   "Requests at the control socket by what became of them.",
                                   "result"};
        visit("requests", of.requests);
        visit("", of.requests - of.malformed, kRequests.as("served"));
        visit("refused", of.refused, kRequests);
        visit("malformed", of.malformed, kRequests);
    }
};

/// A row of `l7ctl stats`.
struct StatsRow {
    std::string dev;
    std::string direction;                                      ///< "ingress", "egress"
    std::optional<std::string> protocol = {}, application = {}; ///< by which it is counted
    std::uint64_t packets = 0, bytes = 0;
    std::int64_t flows = 0;

    static void fields(const auto &visit, auto &of) {
        visit("dev", of.dev);
        visit("direction", of.direction);
        visit("protocol", of.protocol);
        visit("application", of.application);
        visit("packets", of.packets);
        visit("bytes", of.bytes);
        visit("flows", of.flows);
    }
};

} // namespace l7
