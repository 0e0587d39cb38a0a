// SPDX-License-Identifier: GPL-2.0-or-later
// What the daemon hands to the metrics: values only, read in one go, never by walking flows.
#pragma once

#include "core/report/status_report.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <string>
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

    static void fields(const auto &visit, auto &of) {
        visit("dev", of.dev);
        visit("direction", direction_of(of.attach));
        visit("classid", of.classid);
        visit("class", of.name);
        visit("packets", of.hits.packets,
              {"l7ctl_class_packets_total", "Packets on the wire that rules gave a class."});
        visit("bytes", of.hits.bytes,
              {"l7ctl_class_bytes_total", "Bytes on the wire that rules gave a class."});
    }
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

    static void fields(const auto &visit, auto &of) {
        visit("rate", of.rate,
              {"l7ctl_class_rate_bytes_per_second",
               "What a class has when all are busy, as configured."});
        visit("ceil", of.ceil,
              {"l7ctl_class_ceil_bytes_per_second",
               "What a class may have when others are not busy, as configured."});
    }
};

/// Packets that met a rule since it is in force.
struct RuleTraffic {
    unsigned line = 0; ///< of the configuration
    l7_hits hits{};

    static void fields(const auto &visit, auto &of) {
        visit("line", of.line);
        visit("packets", of.hits.packets,
              {"l7ctl_rule_packets_total",
               "Packets that met a rule, by its line, since it is in force."});
        visit("bytes", of.hits.bytes,
              {"l7ctl_rule_bytes_total",
               "Bytes that met a rule, by its line, since it is in force."});
    }
};

struct TableUse {
    std::string name;
    std::uint64_t entries; ///< as the last sweep found it
    std::uint64_t most;

    static void fields(const auto &visit, auto &of) {
        visit("table", of.name);
        visit("entries", of.entries,
              {"l7ctl_table_entries", "Entries of a table, as its last sweep found it."});
        visit("most", of.most, {"l7ctl_table_max_entries", "Room of a table."});
    }
};

struct MetricsSnapshot {
    std::string version;
    StatusReport status;
    std::vector<TrafficRow> traffic;      ///< by protocol
    std::vector<TrafficRow> applications; ///< with those of no application, as number 0
    std::vector<ClassTraffic> classes;
    std::vector<ClassLimit> class_limits; ///< by attachment point, parents before their children
    std::vector<RuleTraffic> rule_traffic;
    std::vector<TableUse> tables;
};

} // namespace l7
