// SPDX-License-Identifier: GPL-2.0-or-later
// What `l7ctl doctor` concludes. DoctorFacts come in as values, whoever read them; findings go out.
#pragma once

#include "core/base/fields.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace l7 {

enum class Severity { Ok, Info, Warning, Problem };

struct Finding {
    Severity severity = Severity::Ok;
    std::string check;     ///< a word that tools may rely on
    std::string dev;       ///< "" where it is about the host
    std::string looked_at; ///< what was compared with what
    std::string found;     ///< a sentence
    std::vector<std::pair<std::string, double>> numbers;
    std::string advice; ///< what to do; "" where there is nothing to do
};

/// A program or filter that a packet meets at a hook before ours, or XDP's.
struct ProgramFacts {
    enum class Ends { Unknown, Never, Always };
    std::string name;
    std::string kind;                  ///< "tcx", "clsact", "xdp"
    std::uint32_t id = 0;              ///< the kernel's number of the program; 0: it is no program
    Ends ends = Ends::Unknown;         ///< what its instructions say
    std::optional<std::uint64_t> runs; ///< in the interval
};

struct HookFacts {
    bool attached = false; ///< a program of ours is on it
    bool known = true;     ///< false: the kernel did not let us look
    bool in_place = true;  ///< false: the daemon believes in a link that somebody took off
    std::optional<std::uint64_t> our_runs;
    std::vector<ProgramFacts> before;
    std::uint64_t device_packets = 0; ///< that the device counted in the interval
    std::uint64_t our_packets = 0;    ///< that we accounted for in the interval
};

/// In bytes; 0: the kernel does not say.
struct PacketSizes {
    std::uint32_t mtu = 0;
    std::uint32_t gso_max_size = 0, gso_ipv4_max_size = 0; ///< what the stack hands to the device
    std::uint32_t gro_max_size = 0, gro_ipv4_max_size = 0; ///< what it makes of what comes in
    std::uint32_t gso_max_segs = 0;
};

struct HtbClassFacts {
    std::uint32_t id = 0, parent = 0;
    bool leaf = true;                    ///< has no classes below
    std::uint64_t rate = 0, ceil = 0;    ///< bytes a second
    std::uint32_t burst = 0, cburst = 0; ///< bytes
    std::uint32_t quantum = 0;           ///< bytes
    std::uint64_t bytes = 0;             ///< that left it
    std::uint64_t handed = 0;            ///< in so many packets as HTB has them, GSO or not
};

/// The IFB that stands in for what comes in.
struct IfbFacts {
    std::string name;
    PacketSizes sizes;
    std::vector<HtbClassFacts> htb;
};

struct DeviceFacts {
    std::string name;
    bool present = true;
    bool up = true;
    HookFacts ingress, egress;
    std::string trouble; ///< what the daemon says
    std::string root_qdisc;
    std::uint32_t root_handle = 0;
    std::set<std::uint32_t> classes; ///< MAJ << 16 | MIN, of any qdisc on it
    std::optional<bool> hw_tc_offload;
    unsigned hw_filters = 0; ///< filters that the hardware carries out
    PacketSizes sizes;
    std::vector<HtbClassFacts> htb;
    std::optional<IfbFacts> ifb;
    std::optional<bool> lro;
    bool forwards4 = false, forwards6 = false;
};

/// A tunnel that is one of the devices, or goes through one.
struct TunnelFacts {
    std::string name, kind;
    std::uint32_t mtu = 0, overhead = 0; ///< the headers it adds at least
    std::string under;                   ///< the device that carries it
    std::uint32_t under_mtu = 0;
};

struct RuleFacts {
    unsigned line = 0;
    std::optional<std::uint32_t> classid;
    std::optional<std::uint32_t> mark;

    static void fields(const auto &visit, auto &of) {
        visit("line", of.line);
        visit("classid", of.classid);
        visit("mark", of.mark);
    }
};

struct PolicyRuleFacts { ///< `ip rule` with a fwmark
    std::uint32_t priority = 0;
    unsigned family = 4;
    std::uint32_t mark = 0;
    std::uint32_t mask = 0xffffffff;
    std::uint32_t table = 0;
};

struct FlowtableFacts { ///< nftables
    std::string name;
    std::vector<std::string> devices;
    bool hardware = false;
};

/// Amounts in and out of what; both from the daemon.
struct TableFacts {
    std::string name;
    std::uint64_t used = 0, size = 0;
    std::uint64_t failed = 0; ///< insertions refused

    static void fields(const auto &visit, auto &of) {
        visit("name", of.name);
        visit("used", of.used);
        visit("size", of.size);
    }
};

/// What the daemon says besides its status.
struct FactsReport {
    std::vector<RuleFacts> rules;
    std::vector<std::string> rejected; ///< "FILE:LINE: why", of patterns
    std::uint64_t tcp_flows = 0;       ///< that brought payload
    std::uint64_t tcp_one_sided = 0;   ///< of these, where one end never was heard of
    std::vector<TableFacts> tables;

    static void fields(const auto &visit, auto &of) {
        visit("rules", of.rules);
        visit("rejected", of.rejected);
        visit("tcp_flows", of.tcp_flows);
        visit("tcp_one_sided", of.tcp_one_sided);
        visit("tables", of.tables);
    }
};

struct DaemonFacts {
    bool bypass = false;
    unsigned patterns = 0;
    std::vector<std::string> rejected; ///< "FILE:LINE: why", of patterns
    std::uint64_t records = 0, records_lost = 0, ring_waiting = 0, ring_size = 0;
    std::vector<TableFacts> tables;
    std::uint64_t tcp_flows = 0;                    ///< that brought payload
    std::uint64_t tcp_one_sided = 0;                ///< of these, where one end never was heard of
    std::uint64_t packets = 0, unknown_packets = 0; ///< accounted for, over all
};

struct DoctorFacts {
    std::string only_dev; ///< the device asked about, or "": those we are on
    double interval_s = 1;
    bool privileged = true;
    bool bpffs_mounted = false;
    std::string bpffs;
    std::optional<bool> jit;
    std::vector<std::uint64_t> net_rx; ///< softirqs of each CPU in the interval
    std::uint32_t mark_mask = 0;
    std::vector<RuleFacts> rules;
    std::optional<DaemonFacts> daemon; ///< none: it does not answer
    std::string daemon_trouble;
    std::vector<DeviceFacts> devices;
    std::vector<TunnelFacts> tunnels;
    std::uint64_t too_big6 = 0; ///< IPv6 packets not forwarded for their size, in the interval
    std::map<std::string, std::set<std::uint32_t>> classes_elsewhere; ///< by device, of the others
    std::vector<PolicyRuleFacts> policy_rules;
    std::optional<std::vector<FlowtableFacts>> flowtables; ///< none: could not be asked
    std::vector<std::string> unread;                       ///< what could not be looked at, and why
};

/// All that was looked at, problems first, in a stable order.
std::vector<Finding> diagnose(const DoctorFacts &facts);

/// True for qdiscs that choose the class `skb->priority` names.
bool takes_class_from_priority(const std::string &qdisc);

const char *severity_name(Severity severity);

/// One JSON object without a newline; two or three lines of text with theirs.
std::string to_json(const Finding &finding);
std::string to_text(const Finding &finding);

} // namespace l7
