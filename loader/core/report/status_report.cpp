// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/status_report.hpp"

#include <fmt/format.h>

namespace l7 {

namespace {

std::string trouble(const std::string &error) {
    return error.empty() ? "" : "; last error: " + error;
}

std::string device_text(const DeviceReport &device) {
    const auto hook = [](const std::optional<HookReport> &at) {
        return !at ? "-"
                   : fmt::format("{} {}{}{}", at->way, at->position,
                                 at->xdp.empty() ? "" : " xdp " + at->xdp,
                                 at->in_place ? "" : " (taken off by somebody)");
    };
    return fmt::format("device {:<15} {:<8} ingress {} egress {}{}", device.name,
                       !device.present ? "awaited"
                       : device.up     ? "up"
                                       : "down",
                       hook(device.ingress), hook(device.egress),
                       device.trouble.empty() ? "" : " " + device.trouble);
}

std::string worker_text(const WorkerReport &worker) {
    return fmt::format(
        "worker samples {} verdicts {} undecided {} ring {}/{} latency p50 <{} us p99 <{} us",
        worker.classifier.samples, worker.verdicts, worker.undecided, worker.ring_waiting,
        worker.ring_size, worker.latency.quantile(0.5), worker.latency.quantile(0.99));
}

std::string peer_text(const SubscriberReport &peer, bool direct) {
    return fmt::format("external {:<8} {} lag {:.1f} ms{} id {}{}", peer.peer, to_text(peer.state),
                       peer.lag_ms, fields_text(peer, '-', direct ? "" : "entered"),
                       peer.last_id.empty() ? "-" : peer.last_id,
                       peer.state == PeerState::Up ? "" : trouble(peer.last_error));
}

/// Lines of what is only there where it is turned on, or has happened.
void add_parts(const StatusReport &status, std::vector<std::string> &out) {
    if (status.hints && status.hints->taken != 0)
        out.push_back("hints" + fields_text(*status.hints));
    if (const auto &exported = status.exported)
        out.push_back(fmt::format(
            "export{} json {}{} ipfix {}{}{}", fields_text(*exported), exported->json.records,
            fields_text(exported->json, ' ', "records"), exported->ipfix.records,
            fields_text(exported->ipfix, ' ', "records"), trouble(exported->last_error)));
    if (status.conntrack)
        out.push_back("conntrack" + fields_text(*status.conntrack) +
                      trouble(status.conntrack->last_error));
    if (const PickupReport &pickup = status.pickup; sum_of_fields(pickup) != 0)
        out.push_back("pickup by " + pickup.by + fields_text(pickup) + trouble(pickup.last_error));
    if (status.sync)
        for (std::string &line : to_text(*status.sync))
            out.push_back(std::move(line));
}

} // namespace

ListenerCounters announced(const std::vector<WorkerReport> &workers) {
    ListenerCounters out;
    for (const WorkerReport &worker : workers)
        out += worker.listener;
    return out;
}

std::vector<std::string> to_text(const SyncReport &report) {
    const PublisherReport &own = report.own;
    std::vector<std::string> out;
    out.push_back(fmt::format("sync node {} at {} {}{}", report.node, report.redis,
                              own.up ? "up" : "down", report.direct ? " direct" : ""));
    out.push_back("internal" + fields_text(own) + (own.up ? "" : trouble(own.last_error)));
    out.push_back("outbox" + fields_text(report.outbox));
    for (const SubscriberReport &peer : report.peers)
        out.push_back(peer_text(peer, report.direct));
    if (report.commits)
        out.push_back(fmt::format("commits {}, the last {} of {} flows in {:.1f} ms",
                                  report.commits, report.last_commit.entered,
                                  report.last_commit.flows, report.last_commit.took_ms()));
    if (report.committing)
        out.push_back("a commit runs");
    return out;
}

std::vector<std::string> to_text(const StatusReport &status) {
    std::vector<std::string> out{
        fmt::format("daemon {} pins {} config {}{}", status.pid, status.pins, status.config,
                    status.bypass ? " BYPASSED" : ""),
        fmt::format(
            "{} patterns ({} rejected), {} rules, mark mask {:#010x}, limits {} packets {} bytes",
            status.patterns, status.patterns_rejected, status.rules, status.mark_mask,
            status.packets, status.bytes)};
    for (const DeviceReport &device : status.devices)
        out.push_back(device_text(device));
    for (const WorkerReport &worker : status.workers)
        out.push_back(worker_text(worker));
    add_parts(status, out);
    const auto counter = [&out](const char *name, std::uint64_t count, const Metric &) {
        if (count != 0)
            out.push_back(fmt::format("counter {:<24} {}", name, count));
    };
    Counters::fields(counter, status.counters);
    for (const std::string &line : status.notes)
        out.push_back("note " + line);
    return out;
}

} // namespace l7
