// SPDX-License-Identifier: GPL-2.0-or-later
// Replication in Prometheus.
#include "metrics/families.hpp"

namespace l7 {

namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

void peers(const SyncUse &from, std::vector<MetricFamily> &out) {
    struct Column {
        MetricType type;
        const char *name, *help;
        std::uint64_t SyncPeerUse::*member;
    };
    static constexpr Column kColumns[] = {
        {MetricType::Gauge, "l7ctl_sync_peer_up", "1 while the peer writes and we read it.",
         &SyncPeerUse::up},
        {MetricType::Gauge, "l7ctl_sync_peer_cache_bytes",
         "Memory that the external cache of a peer takes.", &SyncPeerUse::bytes},
        {MetricType::Counter, "l7ctl_sync_peer_received_changes_total", "Changes read of a peer.",
         &SyncPeerUse::received},
        {MetricType::Counter, "l7ctl_sync_peer_entered_flows_total",
         "Flows of a peer that the flow table took, in direct mode.", &SyncPeerUse::entered},
        {MetricType::Counter, "l7ctl_sync_peer_lost_batches_total",
         "Batches of changes that were gone from a peer's stream before they were read; a resync "
         "made up for them.",
         &SyncPeerUse::lost},
        {MetricType::Counter, "l7ctl_sync_peer_resyncs_total",
         "Times all that a peer has was read.", &SyncPeerUse::resyncs},
        {MetricType::Counter, "l7ctl_sync_peer_connection_errors_total",
         "Connections to a peer's Redis that failed or broke.", &SyncPeerUse::errors},
    };
    for (const Column &column : kColumns) {
        FamilyBuilder family(column.type, column.name, column.help);
        for (const SyncPeerUse &peer : from.peers)
            family.add(peer.*column.member, {{"peer", peer.name}});
        out.push_back(family.take());
    }
    FamilyBuilder lag(MetricType::Gauge, "l7ctl_sync_peer_lag_seconds",
                      "Age of the newest change of a peer when it was read, or for how long none "
                      "could be.");
    FamilyBuilder entries(MetricType::Gauge, "l7ctl_sync_peer_cache_entries",
                          "What the external cache of a peer holds.");
    FamilyBuilder refused(MetricType::Counter, "l7ctl_sync_peer_refused_total",
                          "Entries of a peer that the external cache did not take, or let go.");
    for (const SyncPeerUse &peer : from.peers) {
        lag.add(peer.lag_s, {{"peer", peer.name}});
        entries.add(peer.flows, {{"peer", peer.name}, {"kind", "flow"}});
        entries.add(peer.expectations, {{"peer", peer.name}, {"kind", "expectation"}});
        entries.add(peer.others, {{"peer", peer.name}, {"kind", "other"}});
        refused.add(peer.malformed, {{"peer", peer.name}, {"reason", "malformed"}});
        refused.add(peer.no_room, {{"peer", peer.name}, {"reason", "no_room"}});
        refused.add(peer.expired, {{"peer", peer.name}, {"reason", "expired"}});
    }
    for (FamilyBuilder *family : {&lag, &entries, &refused})
        out.push_back(family->take());
}

} // namespace

std::vector<MetricFamily> sync_families(const SyncUse &from) {
    std::vector<MetricFamily> out;
    const auto single = [&](MetricType type, const char *name, const char *help,
                            std::uint64_t value) {
        out.push_back(FamilyBuilder(type, name, help).add(value).take());
    };
    single(MetricType::Gauge, "l7ctl_sync_up", "1 while our Redis takes what we send.", from.up);
    single(MetricType::Gauge, "l7ctl_sync_states", "Flows and more that our Redis has of ours.",
           from.states);
    single(MetricType::Gauge, "l7ctl_sync_redis_bytes", "Memory they take there.", from.bytes);
    single(MetricType::Counter, "l7ctl_sync_sent_changes_total", "Changes sent to our Redis.",
           from.sent);
    single(MetricType::Counter, "l7ctl_sync_resyncs_total", "Times all of ours was written anew.",
           from.resyncs);
    single(MetricType::Counter, "l7ctl_sync_connection_errors_total",
           "Connections to our Redis that failed or broke.", from.errors);
    single(MetricType::Counter, "l7ctl_sync_commits_total", "Commits of external caches.",
           from.commits);
    single(MetricType::Gauge, "l7ctl_sync_outbox_changes", "Changes that wait for our Redis.",
           from.outbox_waiting);
    single(MetricType::Gauge, "l7ctl_sync_outbox_bytes", "Memory they take.", from.outbox_bytes);
    out.push_back(FamilyBuilder(MetricType::Counter, "l7ctl_sync_outbox_changes_total",
                                "Changes by what became of them on their way out: a newer one took "
                                "their place, or there was no room and a resync made up for them.")
                      .add(from.outbox_coalesced, {{"result", "coalesced"}})
                      .add(from.outbox_dropped, {{"result", "dropped"}})
                      .take());
    peers(from, out);
    return out;
}

} // namespace l7
