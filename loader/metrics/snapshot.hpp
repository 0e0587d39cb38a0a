// SPDX-License-Identifier: GPL-2.0-or-later
// What the daemon hands to the metrics: values only, read in one go, never by walking flows.
#pragma once

#include "core/report/latency.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace l7 {

inline const char *direction_of(unsigned attach) {
    return attach % 2 == L7_INGRESS ? "ingress" : "egress";
}

/// Accounting of one attachment point and protocol or application.
struct TrafficRow {
    unsigned attach = 0; ///< attachment point, as in the kernel's arrays
    std::string dev;
    std::uint16_t number = 0;
    std::string name; ///< the protocol's or application's
    l7_account account{};

    const char *direction() const { return direction_of(attach); }
};

/// The classid of what no rule gave a class.
inline constexpr const char *kNoClass = "none";

/// Packets that rules gave a class.
struct ClassTraffic {
    unsigned attach = 0;
    std::string dev;
    std::string classid; ///< "1:10"
    std::string name;    ///< in the configuration; "": not there
    l7_hits hits{};
};

/// A class of a shaped direction, and what the configuration lets it have. The link itself is one
/// of them, without a name.
struct ClassLimit {
    unsigned attach = 0;
    std::string dev;
    std::string classid;
    std::string parent; ///< a classid; "": the link has none
    std::string name;
    std::uint64_t rate = 0;  ///< bytes a second it has when all are busy
    std::uint64_t ceil = 0;  ///< and may have when others are not
    bool is_default = false; ///< takes what no rule gave a class
};

/// Packets that met a rule since it is in force.
struct RuleTraffic {
    unsigned line = 0; ///< of the configuration
    l7_hits hits{};
};

struct AttachedDevice {
    std::string dev;
    bool wanted[2] = {false, false};   ///< attached, by l7_hook
    bool in_place[2] = {false, false}; ///< and nobody took it off
    std::string trouble;
};

struct TableUse {
    std::string name;
    std::uint64_t entries; ///< as the last sweep found it
    std::uint64_t most;
};

struct WorkerUse {
    std::uint64_t samples, judged, given_up, pushed_out, hinted, remembered;
    std::uint64_t undecided, memory_bytes;
    std::uint64_t ring_used_bytes, ring_bytes;
    std::uint64_t wakeups, apply_failures, bad_records;
    std::uint64_t scans, scan_ns; ///< of Hyperscan
    Latency latency;              ///< microseconds from a verdict's packet to its being in force
};

/// Marks of tracked connections.
struct ConntrackUse {
    std::uint64_t marked, untracked, failed, dropped;
};

/// TCP connections met midway, by what the kernel's connection tracking said of them.
struct PickupUse {
    std::uint64_t scaled = 0, named = 0, untracked = 0, unknown = 0, limited = 0, failed = 0;
};

/// What parents announced, of all workers.
struct ExpectUse {
    std::uint64_t parents = 0, pushed_out = 0, torn = 0;
    std::vector<std::pair<const char *, std::uint64_t>> announcements; ///< by what became of them
};

/// Replication with one other node.
struct SyncPeerUse {
    std::string name;
    std::uint64_t up = 0;
    double lag_s = 0;
    std::uint64_t flows = 0, expectations = 0, others = 0, bytes = 0; ///< in its external cache
    std::uint64_t received = 0, entered = 0, lost = 0, resyncs = 0, errors = 0;
    std::uint64_t malformed = 0, no_room = 0, expired = 0;
};

/// Replication.
struct SyncUse {
    std::uint64_t up = 0, states = 0, bytes = 0; ///< our Redis, and what it has of ours
    std::uint64_t sent = 0, resyncs = 0, errors = 0, commits = 0;
    std::uint64_t outbox_waiting = 0, outbox_bytes = 0, outbox_coalesced = 0, outbox_dropped = 0;
    std::vector<SyncPeerUse> peers;
};

struct MetricsSnapshot {
    std::string version;
    bool bypass = false;
    std::vector<TrafficRow> traffic;      ///< by protocol
    std::vector<TrafficRow> applications; ///< with those of no application, as number 0
    std::vector<ClassTraffic> classes;
    std::vector<ClassLimit> class_limits; ///< by attachment point, parents before their children
    std::vector<RuleTraffic> rule_traffic;
    l7_counters counters{};
    std::vector<AttachedDevice> devices;
    std::vector<TableUse> tables;
    std::vector<WorkerUse> workers;
    std::vector<std::pair<std::string, std::uint64_t>> map_bytes;
    std::uint64_t patterns = 0, patterns_rejected = 0, rules = 0;
    std::uint64_t ended_flows = 0;
    std::optional<ConntrackUse> conntrack; ///< none: marks are not written
    PickupUse pickup;                      ///< counted whatever is configured
    ExpectUse expect;
    std::optional<SyncUse> sync; ///< none: nothing is replicated
    std::uint64_t control_served = 0, control_refused = 0, control_malformed = 0;
};

} // namespace l7
