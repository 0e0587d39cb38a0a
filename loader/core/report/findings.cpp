// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/findings.hpp"

#include "core/report/findings_device.hpp"
#include "core/report/findings_sizes.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace l7 {

namespace {

// From where on a share is worth a word. Below the minimum there is too little to judge by.
constexpr std::uint64_t kFlowsMin = 4;
constexpr double kOneSidedWarning = 0.2, kOneSidedProblem = 0.5;
constexpr std::uint64_t kPacketsMin = 1000;
constexpr double kUnknownWarning = 0.3;
constexpr double kTableWarning = 0.9;
constexpr double kLostProblem = 0.01;
constexpr double kNetRxRateMin = 2000, kOneCpuShare = 0.95;
constexpr std::size_t kRejectedShown = 3;

double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

Finding host_finding(Severity severity, const char *check, std::string looked_at, std::string found,
                     std::string advice = {}) {
    return {severity, check, {}, std::move(looked_at), std::move(found), {}, std::move(advice)};
}

Finding daemon_answers(const DoctorFacts &facts) {
    Finding out = host_finding(Severity::Ok, "daemon", "the control socket", "the daemon answers");
    if (facts.daemon && facts.daemon->bypass)
        return host_finding(Severity::Problem, "daemon", "the daemon's settings",
                            "every packet passes unlooked at", "l7ctl bypass off");
    if (facts.daemon)
        return out;
    out.severity = Severity::Problem;
    out.found = "the daemon does not answer (" + facts.daemon_trouble +
                "): flows that are known keep their class, new ones stay unset";
    out.advice =
        "l7ctl daemon, or l7ctl attach dev DEV, which starts it; its log says why it ended";
    return out;
}

Finding bpffs(const DoctorFacts &facts) {
    if (facts.bpffs_mounted)
        return host_finding(Severity::Ok, "bpffs", "the file system of " + facts.bpffs,
                            "bpffs is mounted");
    return host_finding(facts.privileged ? Severity::Problem : Severity::Info, "bpffs",
                        "the file system of " + facts.bpffs,
                        "no bpffs is to be seen: programs and flows are lost with the daemon",
                        "mount -t bpf bpf /sys/fs/bpf; use l7ctl -n NAME, not ip netns exec, which "
                        "hides it");
}

Finding jit(const DoctorFacts &facts) {
    if (!facts.jit)
        return host_finding(Severity::Info, "jit", "net.core.bpf_jit_enable, our programs",
                            "whether BPF is compiled could not be read here");
    if (*facts.jit)
        return host_finding(Severity::Ok, "jit", "net.core.bpf_jit_enable, our programs",
                            "BPF programs are compiled");
    return host_finding(Severity::Warning, "jit", "net.core.bpf_jit_enable, our programs",
                        "BPF programs are interpreted: each packet costs several times as much",
                        "sysctl net.core.bpf_jit_enable=1, then detach and attach");
}

Finding interrupts(const DoctorFacts &facts) {
    const std::uint64_t all =
        std::accumulate(facts.net_rx.begin(), facts.net_rx.end(), std::uint64_t{0});
    const auto most = std::ranges::max_element(facts.net_rx);
    Finding out =
        host_finding(Severity::Ok, "interrupts", "NET_RX of /proc/softirqs over the interval",
                     "packets are received by several CPUs, or are few");
    out.numbers = {{"net_rx", static_cast<double>(all)},
                   {"cpus", static_cast<double>(facts.net_rx.size())}};
    if (facts.net_rx.size() < 2 || static_cast<double>(all) < kNetRxRateMin * facts.interval_s ||
        share(*most, all) < kOneCpuShare)
        return out;
    out.severity = Severity::Warning;
    out.found = fmt::format("CPU {} does {:.0f} % of all receiving", most - facts.net_rx.begin(),
                            share(*most, all) * 100);
    out.advice = "spread the device's interrupts (ethtool -L DEV combined N, irqbalance), or "
                 "receive packet steering: /sys/class/net/DEV/queues/rx-*/rps_cpus";
    return out;
}

Finding rejected(const DaemonFacts &daemon) {
    Finding out = host_finding(Severity::Ok, "patterns", "what the daemon loaded",
                               fmt::format("{} patterns, none rejected", daemon.patterns));
    out.numbers = {{"patterns", daemon.patterns},
                   {"rejected", static_cast<double>(daemon.rejected.size())}};
    if (daemon.rejected.empty())
        return out;
    out.severity = Severity::Warning;
    out.found = fmt::format(
        "{} patterns never match: {}{}", daemon.rejected.size(),
        fmt::join(daemon.rejected.begin(),
                  daemon.rejected.begin() +
                      static_cast<std::ptrdiff_t>(std::min(daemon.rejected.size(), kRejectedShown)),
                  "; "),
        daemon.rejected.size() > kRejectedShown ? "; ..." : "");
    out.advice = "l7ctl check lists them all; mend or remove them, then l7ctl reload";
    return out;
}

Finding ring(const DaemonFacts &daemon) {
    const std::uint64_t tried = daemon.records + daemon.records_lost;
    Finding out = host_finding(Severity::Ok, "ring", "the counters records and records_lost",
                               "no payload was lost on its way to the daemon");
    out.numbers = {{"records", static_cast<double>(daemon.records)},
                   {"lost", static_cast<double>(daemon.records_lost)},
                   {"waiting", static_cast<double>(daemon.ring_waiting)},
                   {"size", static_cast<double>(daemon.ring_size)}};
    if (daemon.records_lost == 0)
        return out;
    out.severity =
        share(daemon.records_lost, tried) > kLostProblem ? Severity::Problem : Severity::Warning;
    out.found = fmt::format("{} of {} records found no room in the ring: flows are judged later or "
                            "not at all",
                            daemon.records_lost, tried);
    out.advice = "raise limits.ring_bytes or daemon.workers in l7ctl.toml; they count after "
                 "l7ctl stop and l7ctl daemon --discard-state";
    return out;
}

Finding table(const TableFacts &table) {
    Finding out = host_finding(Severity::Ok, "tables", "the table of " + table.name,
                               fmt::format("{} of {} entries are used", table.used, table.size));
    out.numbers = {{"used", static_cast<double>(table.used)},
                   {"size", static_cast<double>(table.size)},
                   {"failed", static_cast<double>(table.failed)}};
    if (share(table.used, table.size) < kTableWarning && table.failed == 0)
        return out;
    out.severity = Severity::Warning;
    if (table.failed)
        out.found += fmt::format(", {} found no room", table.failed);
    out.advice = fmt::format("raise limits.{} in l7ctl.toml; it counts after l7ctl stop and l7ctl "
                             "daemon --discard-state",
                             table.name);
    return out;
}

Finding directions(const DaemonFacts &daemon) {
    const double one_sided = share(daemon.tcp_one_sided, daemon.tcp_flows);
    Finding out = host_finding(Severity::Ok, "both-directions", "TCP flows that brought payload",
                               "both directions are seen");
    out.numbers = {{"flows", static_cast<double>(daemon.tcp_flows)},
                   {"one_sided", static_cast<double>(daemon.tcp_one_sided)}};
    if (daemon.tcp_flows < kFlowsMin) {
        out.severity = Severity::Info;
        out.found = fmt::format("{} flows are too few to judge by", daemon.tcp_flows);
        return out;
    }
    if (one_sided < kOneSidedWarning)
        return out;
    out.severity = one_sided < kOneSidedProblem ? Severity::Warning : Severity::Problem;
    out.found = fmt::format("of {} flows {} show one direction only: what needs the answer is not "
                            "recognised",
                            daemon.tcp_flows, daemon.tcp_one_sided);
    out.advice =
        "attach both hooks (l7ctl attach dev DEV both), and the other device where packets "
        "come back another way (asymmetric routes, bonding, a bridge)";
    return out;
}

Finding unknown(const DaemonFacts &daemon) {
    const double part = share(daemon.unknown_packets, daemon.packets);
    Finding out =
        host_finding(Severity::Ok, "unknown-share", "the accounting of all devices",
                     fmt::format("{:.0f} % of the packets are of unknown flows", part * 100));
    out.numbers = {{"packets", static_cast<double>(daemon.packets)},
                   {"unknown", static_cast<double>(daemon.unknown_packets)}};
    if (daemon.packets < kPacketsMin) {
        out.severity = Severity::Info;
        out.found = fmt::format("{} packets are too few to judge by", daemon.packets);
        return out;
    }
    if (part < kUnknownWarning)
        return out;
    out.severity = Severity::Warning;
    out.advice =
        "l7ctl explain protocol unknown says why for each; a rule with unknown = true gives "
        "them a class";
    return out;
}

/// A bit of a policy route's mask within ours makes the route depend on what we write there.
void policy_routing(const DoctorFacts &facts, std::vector<Finding> &out) {
    const bool marks = std::ranges::any_of(
        facts.rules, [](const RuleFacts &rule) { return rule.mark.has_value(); });
    const std::string looked_at =
        fmt::format("ip rule with fwmark against our mask {:#x}", facts.mark_mask);
    bool found = false;

    for (const PolicyRuleFacts &rule : facts.policy_rules) {
        if ((rule.mask & facts.mark_mask) == 0)
            continue;
        found = true;
        out.push_back(host_finding(
            marks ? Severity::Problem : Severity::Info, "policy-routing", looked_at,
            fmt::format("IPv{} rule {} looks at fwmark {:#x}/{:#x} for table {}, of which the bits "
                        "{:#x} are ours to write{}",
                        rule.family, rule.priority, rule.mark, rule.mask, rule.table,
                        rule.mask & facts.mark_mask,
                        marks ? ": packets may take another route when their flow is recognised"
                              : "; no rule of ours sets a mark"),
            "give l7ctl bits of its own (mark.mask in l7ctl.toml), or the ip rule a mask without "
            "them"));
        out.back().numbers = {{"priority", rule.priority},
                              {"fwmark", rule.mark},
                              {"fwmask", rule.mask},
                              {"mask", facts.mark_mask}};
    }
    if (!found)
        out.push_back(host_finding(
            Severity::Ok, "policy-routing", looked_at,
            fmt::format("none of {} shares a bit with it", facts.policy_rules.size())));
}

/// A flowtable in software goes by netfilter, not by tc: its hook comes after tc's ingress, and it
/// sends through tc's egress.
void flowtables(const DoctorFacts &facts, std::vector<Finding> &out) {
    if (!facts.flowtables) {
        out.push_back(
            host_finding(Severity::Info, "flowtable", "nftables",
                         "flowtables could not be listed: no nf_tables here, or no right"));
        return;
    }
    bool hardware = false;
    for (const FlowtableFacts &one : *facts.flowtables) {
        if (!one.hardware)
            continue;
        hardware = true;
        out.push_back(host_finding(
            Severity::Problem, "flowtable", "nftables",
            fmt::format("flowtable {} ({}) forwards in hardware: what it has taken over passes no "
                        "program and no qdisc",
                        one.name, fmt::join(one.devices, ", ")),
            "take `flags offload` from the flowtable"));
    }
    if (!hardware)
        out.push_back(
            host_finding(Severity::Ok, "flowtable", "nftables",
                         facts.flowtables->empty()
                             ? "no flowtable"
                             : fmt::format("{} flowtables in software: tc sees their packets",
                                           facts.flowtables->size())));
}

} // namespace

std::vector<Finding> diagnose(const DoctorFacts &facts) {
    std::vector<Finding> out;

    out.push_back(daemon_answers(facts));
    out.push_back(bpffs(facts));
    if (facts.devices.empty())
        out.push_back(host_finding(Severity::Problem, "attached", "our programs on all devices",
                                   "no device is attached: nothing is seen",
                                   "l7ctl attach dev DEV"));
    for (const DeviceFacts &device : facts.devices)
        diagnose_device(device, facts, out);
    diagnose_tunnels(facts.tunnels, out);
    if (facts.daemon) {
        out.push_back(directions(*facts.daemon));
        out.push_back(unknown(*facts.daemon));
        out.push_back(rejected(*facts.daemon));
        out.push_back(ring(*facts.daemon));
        for (const TableFacts &one : facts.daemon->tables)
            out.push_back(table(one));
    }
    policy_routing(facts, out);
    flowtables(facts, out);
    out.push_back(jit(facts));
    out.push_back(interrupts(facts));
    for (const std::string &line : facts.unread)
        out.push_back(host_finding(Severity::Info, "unread", "the kernel", line,
                                   facts.privileged ? "" : "run as root"));
    std::ranges::stable_sort(out, std::ranges::greater{}, &Finding::severity);
    return out;
}

const char *severity_name(Severity severity) {
    static constexpr std::array<const char *, 4> kNames{"ok", "info", "warning", "problem"};
    return kNames.at(static_cast<std::size_t>(severity));
}

std::string to_json(const Finding &finding) {
    nlohmann::ordered_json numbers = nlohmann::ordered_json::object();
    for (const auto &[name, value] : finding.numbers)
        numbers[name] = value;
    // Names of programs and flowtables are other people's bytes.
    return nlohmann::ordered_json{{"severity", severity_name(finding.severity)},
                                  {"check", finding.check},
                                  {"dev", finding.dev},
                                  {"looked_at", finding.looked_at},
                                  {"found", finding.found},
                                  {"numbers", numbers},
                                  {"advice", finding.advice}}
        .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string to_text(const Finding &finding) {
    std::string out =
        fmt::format("{:<8} {:<16} {}{}\n", severity_name(finding.severity), finding.check,
                    finding.dev.empty() ? "" : finding.dev + ": ", finding.found);
    out += "         looked at " + finding.looked_at;
    for (std::size_t i = 0; i < finding.numbers.size(); i++)
        out += fmt::format("{}{} {:g}", i == 0 ? ": " : ", ", finding.numbers[i].first,
                           finding.numbers[i].second);
    out += "\n";
    if (!finding.advice.empty())
        out += "         to do: " + finding.advice + "\n";
    return out;
}

} // namespace l7
