// SPDX-License-Identifier: GPL-2.0-or-later
// What replication reports of itself.
#pragma once

#include "core/base/fields.hpp"
#include "core/sync/external_cache.hpp"
#include "core/sync/outbox.hpp"
#include "core/sync/takeover.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace l7 {

enum class PeerState {
    Unreachable, ///< its Redis does not answer
    Silent,      ///< the node itself writes no more
    Up,
};
constexpr const char *to_text(PeerState state) {
    constexpr const char *kTexts[] = {"unreachable", "silent", "up"};
    return kTexts[static_cast<unsigned>(state)];
}

/// One peer.
struct SubscriberReport {
    std::string peer;
    PeerState state = PeerState::Unreachable;
    std::string last_id;         ///< of the stream
    std::uint64_t received = 0;  ///< changes
    std::uint64_t lost = 0;      ///< entries of the stream that were gone before we read them
    std::uint64_t malformed = 0; ///< entries of the stream that make no sense
    std::uint64_t resyncs = 0;   ///< times all that the peer has was read
    std::uint64_t entered = 0;   ///< flows that the table took, in direct mode
    std::uint64_t errors = 0;    ///< connections that failed or broke
    std::uint64_t resync_us = 0; ///< what the last full read took
    double lag_ms = 0; ///< age of the newest change when it was read; or for how long none could be
    std::string last_error;
    CacheReport cache;

    static void fields(const auto &visit, auto &of) {
        constexpr Metric kPeerRefused{
            "l7ctl_sync_peer_refused_total",
            "Entries of a peer that the external cache did not take, or let go.", "reason"};
        constexpr Metric kPeerEntries{"l7ctl_sync_peer_cache_entries",
                                      "What the external cache of a peer holds.", "kind"};
        visit("peer", of.peer);
        visit("state", to_text(of.state));
        visit("", of.state == PeerState::Up,
              {"l7ctl_sync_peer_up", "1 while the peer writes and we read it."});
        visit("lag_ms", of.lag_ms,
              {.family = "l7ctl_sync_peer_lag_seconds",
               .help = "Age of the newest change of a peer when it was read, or for how long none "
                       "could be.",
               .per = 1000});
        visit("last_id", of.last_id);
        visit("flows", of.cache.flows, kPeerEntries.as("flow"));
        visit("expectations", of.cache.expectations, kPeerEntries.as("expectation"));
        visit("others", of.cache.others, kPeerEntries.as("other"));
        visit("bytes", of.cache.bytes,
              {"l7ctl_sync_peer_cache_bytes", "Memory that the external cache of a peer takes."});
        visit("complete", of.cache.complete);
        visit("received", of.received,
              {"l7ctl_sync_peer_received_changes_total", "Changes read of a peer."});
        visit("entered", of.entered,
              {"l7ctl_sync_peer_entered_flows_total",
               "Flows of a peer that the flow table took, in direct mode."});
        visit("lost", of.lost,
              {"l7ctl_sync_peer_lost_batches_total",
               "Batches of changes that were gone from a peer's stream before they were read; a "
               "resync made "
               "up for them."});
        visit("resyncs", of.resyncs,
              {"l7ctl_sync_peer_resyncs_total", "Times all that a peer has was read."});
        visit("resync_ms", static_cast<double>(of.resync_us) / 1000);
        visit("malformed", of.malformed + of.cache.malformed, kPeerRefused);
        visit("no_room", of.cache.no_room, kPeerRefused);
        visit("expired", of.cache.expired, kPeerRefused);
        visit("errors", of.errors,
              {"l7ctl_sync_peer_connection_errors_total",
               "Connections to a peer's Redis that failed or broke."},
              false);
        visit("last_error", of.last_error);
    }
};

/// Our own side: the internal cache, which is our hash.
struct PublisherReport {
    bool up = false;             ///< Redis takes what we send
    std::uint64_t sent = 0;      ///< changes
    std::uint64_t resyncs = 0;   ///< times all was written anew
    std::uint64_t errors = 0;    ///< connections that failed or broke
    std::uint64_t states = 0;    ///< in our hash, as of the last second
    std::uint64_t bytes = 0;     ///< that the hash takes in Redis
    std::uint64_t resync_us = 0; ///< what the last resync took
    std::string last_error;

    static void fields(const auto &visit, auto &of) {
        visit("up", of.up, {"l7ctl_sync_up", "1 while our Redis takes what we send."});
        visit("states", of.states,
              {"l7ctl_sync_states", "Flows and more that our Redis has of ours."});
        visit("bytes", of.bytes, {"l7ctl_sync_redis_bytes", "Memory they take there."});
        visit("sent", of.sent, {"l7ctl_sync_sent_changes_total", "Changes sent to our Redis."});
        visit("resyncs", of.resyncs,
              {"l7ctl_sync_resyncs_total", "Times all of ours was written anew."});
        visit("resync_ms", static_cast<double>(of.resync_us) / 1000);
        visit("errors", of.errors,
              {"l7ctl_sync_connection_errors_total",
               "Connections to our Redis that failed or broke."});
        visit("last_error", of.last_error);
    }
};

struct SyncReport {
    std::string node;
    std::string redis;
    bool direct = false;
    bool committing = false;
    OutboxReport outbox;
    PublisherReport own;
    std::vector<SubscriberReport> peers;
    std::uint64_t commits = 0;
    TakeoverReport last_commit;

    static void fields(const auto &visit, auto &of) {
        visit("node", of.node);
        visit("redis", of.redis);
        visit("direct", of.direct);
        visit("committing", of.committing);
        visit("internal", of.own);
        visit("outbox", of.outbox);
        visit("external", of.peers);
        visit("commits", of.commits, {"l7ctl_sync_commits_total", "Commits of external caches."});
        visit("last_commit", of.last_commit);
    }
};

} // namespace l7
