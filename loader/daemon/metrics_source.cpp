// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/metrics_source.hpp"

#include "daemon/daemon.hpp"
#include "daemon/traffic.hpp"

namespace l7 {

namespace {

void add_devices(Daemon &daemon, MetricsSnapshot &out) {
    for (const DeviceReport &device : daemon.devices().report()) {
        AttachedDevice &one = out.devices.emplace_back();
        one.dev = device.name;
        one.trouble = device.present ? device.trouble : "awaited: there is no such device";
        const HookStatus *hooks[] = {&device.ingress, &device.egress};
        for (const unsigned hook : {L7_INGRESS, L7_EGRESS}) {
            one.wanted[hook] = hooks[hook]->attached;
            one.in_place[hook] = hooks[hook]->in_place;
        }
    }
}

void add_workers(const Daemon &daemon, MetricsSnapshot &out) {
    ListenerCounters listeners;
    for (const WorkerReport &worker : daemon.workers()) {
        listeners += worker.listener;
        out.workers.push_back({.samples = worker.classifier.samples,
                               .judged = worker.classifier.judged,
                               .given_up = worker.classifier.given_up,
                               .pushed_out = worker.classifier.pushed_out,
                               .hinted = worker.classifier.hinted,
                               .remembered = worker.classifier.remembered,
                               .undecided = worker.undecided,
                               .memory_bytes = worker.memory,
                               .ring_used_bytes = worker.ring_waiting,
                               .ring_bytes = worker.ring_size,
                               .wakeups = worker.wakeups,
                               .apply_failures = worker.apply_failures,
                               .bad_records = worker.bad_records,
                               .scans = worker.scan.scans,
                               .scan_ns = worker.scan.ns,
                               .latency = worker.latency});
    }
    out.expect = {listeners.parents, listeners.pushed_out, listeners.torn, {}};
    for (const ExpectColumn &column : kExpectColumns)
        out.expect.announcements.emplace_back(column.name, listeners.announcements.*column.member);
}

SyncUse sync_use(const SyncReport &from) {
    SyncUse out{.up = from.own.up,
                .states = from.own.states,
                .bytes = from.own.bytes,
                .sent = from.own.sent,
                .resyncs = from.own.resyncs,
                .errors = from.own.errors,
                .commits = from.commits,
                .outbox_waiting = from.outbox.waiting,
                .outbox_bytes = from.outbox.bytes,
                .outbox_coalesced = from.outbox.coalesced,
                .outbox_dropped = from.outbox.dropped,
                .peers = {}};
    for (const SubscriberReport &peer : from.peers)
        out.peers.push_back({.name = peer.peer,
                             .up = peer.state == PeerState::Up,
                             .lag_s = peer.lag_ms / 1000,
                             .flows = peer.cache.flows,
                             .expectations = peer.cache.expectations,
                             .others = peer.cache.others,
                             .bytes = peer.cache.bytes,
                             .received = peer.received,
                             .entered = peer.entered,
                             .lost = peer.lost,
                             .resyncs = peer.resyncs,
                             .errors = peer.errors,
                             .malformed = peer.malformed + peer.cache.malformed,
                             .no_room = peer.cache.no_room,
                             .expired = peer.cache.expired});
    return out;
}

} // namespace

Result<MetricsSnapshot> metrics_snapshot(Daemon &daemon) {
    MetricsSnapshot out;
    const auto catalog = daemon.catalog();
    const auto counters = daemon.kernel().counters();

    if (!counters)
        return counters.error();
    out.version = L7_VERSION;
    out.bypass = daemon.kernel().settings().bypass != 0;
    out.counters = *counters;
    out.traffic = traffic_by_protocol(daemon);
    out.applications = traffic_by_application(daemon);
    out.classes = traffic_by_class(daemon);
    out.class_limits = class_limits(daemon);
    out.rule_traffic = traffic_by_rule(daemon);
    add_devices(daemon, out);
    add_workers(daemon, out);
    for (const auto table : {FlowTables::Table::Flows, FlowTables::Table::Newcomers})
        out.tables.push_back({table == FlowTables::Table::Flows ? "flows" : "newcomers",
                              daemon.kernel().flows().entries(table),
                              daemon.kernel().flows().room(table)});
    out.map_bytes = daemon.kernel().memory();
    out.patterns = catalog->knowledge.database->patterns().size();
    out.patterns_rejected = catalog->rejected.size();
    out.rules = catalog->config.rules.size();
    out.ended_flows = daemon.ended_flows();
    if (const auto marks = daemon.conntrack().report())
        out.conntrack = {marks->marked, marks->untracked, marks->failed, marks->dropped};
    const PickupReport pickup = daemon.pickup().report();
    out.pickup = {pickup.scaled,  pickup.named,   pickup.untracked,
                  pickup.unknown, pickup.limited, pickup.failed};
    if (const auto sync = daemon.sync())
        out.sync = sync_use(sync->report());
    const ServerCounters &control = daemon.server_counters();
    out.control_malformed = control.malformed.load();
    out.control_served = control.requests.load() - out.control_malformed;
    out.control_refused = control.refused.load();
    return out;
}

} // namespace l7
