// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/sync_commands.hpp"

#include "daemon/daemon.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace l7 {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const SubscriberReport &peer) {
    return {{"peer", peer.peer},
            {"state", to_text(peer.state)},
            {"lag_ms", peer.lag_ms},
            {"last_id", peer.last_id},
            {"flows", peer.cache.flows},
            {"expectations", peer.cache.expectations},
            {"others", peer.cache.others},
            {"bytes", peer.cache.bytes},
            {"complete", peer.cache.complete},
            {"received", peer.received},
            {"entered", peer.entered},
            {"lost", peer.lost},
            {"resyncs", peer.resyncs},
            {"resync_ms", static_cast<double>(peer.resync_us) / 1000},
            {"malformed", peer.malformed + peer.cache.malformed},
            {"no_room", peer.cache.no_room},
            {"expired", peer.cache.expired},
            {"errors", peer.errors},
            {"last_error", peer.last_error}};
}

Json to_json(const TakeoverReport &report) {
    return {{"flows", report.flows},
            {"entered", report.entered},
            {"expectations", report.expectations},
            {"expectations_entered", report.expectations_entered},
            {"others", report.others},
            {"malformed", report.malformed},
            {"expired", report.expired},
            {"took_ms", static_cast<double>(report.took_us) / 1000}};
}

std::string trouble(const std::string &error) {
    return error.empty() ? "" : "; last error: " + error;
}

Result<void> status(const Replication &sync, bool json, Answer &answer) {
    const SyncReport report = sync.report();
    if (json)
        answer.write(l7::to_json(report).dump());
    else
        for (const std::string &line : to_text(report))
            answer.write(line);
    return {};
}

Result<void> commit(Replication &sync, const std::string &peer, bool json, Answer &answer) {
    const auto done = sync.commit(peer);
    if (!done)
        return done.error();
    if (json)
        answer.write(to_json(*done).dump());
    else if (sync.config().direct)
        answer.write("there is nothing to do: with direct = true all has entered already");
    else
        answer.write(fmt::format("{} of {} flows and {} of {} expectations entered in {:.1f} ms",
                                 done->entered, done->flows, done->expectations_entered,
                                 done->expectations, static_cast<double>(done->took_us) / 1000));
    return {};
}

Result<void> resync(Replication &sync, bool json, Answer &answer) {
    const ResyncReport done = sync.resync();
    if (json)
        answer.write(Json{{"own", done.own}, {"missing", done.missing}}.dump());
    if (!done.own)
        return Error{"Redis at " + to_text(sync.config().redis) + " does not answer",
                     "all is written anew when it does"};
    if (!done.missing.empty() && !json)
        answer.write(fmt::format("not read: {}; they are when their Redis answers",
                                 fmt::join(done.missing, ", ")));
    return {};
}

} // namespace

Json to_json(const SyncReport &report) {
    Json peers = Json::array();
    for (const SubscriberReport &peer : report.peers)
        peers.push_back(to_json(peer));
    return {{"node", report.node},
            {"redis", report.redis},
            {"direct", report.direct},
            {"committing", report.committing},
            {"internal",
             {{"up", report.own.up},
              {"states", report.own.states},
              {"bytes", report.own.bytes},
              {"sent", report.own.sent},
              {"resyncs", report.own.resyncs},
              {"resync_ms", static_cast<double>(report.own.resync_us) / 1000},
              {"errors", report.own.errors},
              {"last_error", report.own.last_error}}},
            {"outbox",
             {{"waiting", report.outbox.waiting},
              {"bytes", report.outbox.bytes},
              {"changes", report.outbox.changes},
              {"coalesced", report.outbox.coalesced},
              {"dropped", report.outbox.dropped}}},
            {"external", peers},
            {"commits", report.commits},
            {"last_commit", to_json(report.last_commit)}};
}

std::vector<std::string> to_text(const SyncReport &report) {
    const PublisherReport &own = report.own;
    std::vector<std::string> out;
    out.push_back(fmt::format("sync node {} at {} {}{}", report.node, report.redis,
                              own.up ? "up" : "down", report.direct ? " direct" : ""));
    out.push_back(fmt::format("internal states {} bytes {} sent {} resyncs {} errors {}{}",
                              own.states, own.bytes, own.sent, own.resyncs, own.errors,
                              own.up ? "" : trouble(own.last_error)));
    out.push_back(fmt::format("outbox waiting {} bytes {} coalesced {} dropped {}",
                              report.outbox.waiting, report.outbox.bytes, report.outbox.coalesced,
                              report.outbox.dropped));
    for (const SubscriberReport &peer : report.peers)
        out.push_back(fmt::format(
            "external {:<8} {} lag {:.1f} ms flows {} expectations {} others {} bytes {} "
            "received {} {}lost {} resyncs {} malformed {} no-room {} expired {} id {}{}",
            peer.peer, to_text(peer.state), peer.lag_ms, peer.cache.flows, peer.cache.expectations,
            peer.cache.others, peer.cache.bytes, peer.received,
            report.direct ? fmt::format("entered {} ", peer.entered) : "", peer.lost, peer.resyncs,
            peer.malformed + peer.cache.malformed, peer.cache.no_room, peer.cache.expired,
            peer.last_id.empty() ? "-" : peer.last_id,
            peer.state == PeerState::Up ? "" : trouble(peer.last_error)));
    if (report.commits)
        out.push_back(fmt::format("commits {}, the last {} of {} flows in {:.1f} ms",
                                  report.commits, report.last_commit.entered,
                                  report.last_commit.flows,
                                  static_cast<double>(report.last_commit.took_us) / 1000));
    if (report.committing)
        out.push_back("a commit runs");
    return out;
}

Result<void> sync_command(Daemon &daemon, const nlohmann::json &request, Answer &answer) {
    const auto sync = daemon.sync();
    if (!sync)
        return Error{"there is no replication here", "[sync] of the configuration turns it on; see "
                                                     "l7ctl-sync(7)"};
    const std::string what = request.value("what", "status");
    const bool json = request.value("json", false);
    if (what == "status")
        return status(*sync, json, answer);
    if (what == "commit")
        return commit(*sync, request.value("peer", ""), json, answer);
    if (what == "resync")
        return resync(*sync, json, answer);
    if (what == "flush internal")
        return sync->flush_internal();
    if (what == "flush external")
        return sync->flush_external();
    return Error{"sync: '" + what + "' is not understood", {}, Blame::Usage};
}

} // namespace l7
