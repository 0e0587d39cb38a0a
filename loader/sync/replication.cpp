// SPDX-License-Identifier: GPL-2.0-or-later
#include "sync/replication.hpp"

#include "core/sync/record.hpp"
#include "sync/threads.hpp"

#include <algorithm>

namespace l7 {

using std::chrono::steady_clock;

namespace {

Telling telling_of(const SyncConfig &config) {
    return {.expectations = config.expectations,
            .parents = config.parents,
            .endpoints = config.endpoints,
            .hints = config.hints,
            .untouched = !config.direct}; // else two nodes would keep each other's flows alive
}

} // namespace

Replication::Replication(SyncConfig config, const TimeoutConfig &timeouts, ReplicaSink &sink,
                         WalkOwn walk)
    : config_(std::move(config)), telling_(telling_of(config_)), sink_(sink),
      outbox_(config_.memory_bytes),
      publisher_(config_.node, login_of(config_), telling_, outbox_, std::move(walk)) {
    for (const SyncPeer &peer : config_.peers)
        subscribers_.push_back(std::make_unique<Subscriber>(peer, login_of(config_, peer),
                                                            config_.memory_bytes, timeouts,
                                                            config_.direct ? &sink : nullptr));
}

void Replication::changed(const FlowState &state) {
    outbox_.put(key_of(state.key), encode(state, wall_ms()));
}

void Replication::ended(const l7_key &flow) {
    outbox_.remove(key_of(flow));
}

void Replication::expected(const ExpectationState &state, std::string_view parent_protocol) {
    if (telling_.of_parent(parent_protocol))
        outbox_.put(key_of(state), encode(state));
}

void Replication::expectation_ended(const ExpectationState &state) {
    if (telling_.expectations)
        outbox_.remove(key_of(state));
}

void Replication::learnt(const EndpointState &state) {
    if (telling_.endpoints)
        outbox_.put(key_of(state), encode(state));
}

void Replication::learnt(const HintState &state) {
    if (telling_.hints)
        outbox_.put(key_of(state), encode(state));
}

Result<TakeoverReport> Replication::commit(const std::string &peer) {
    if (!peer.empty() &&
        std::ranges::find(config_.peers, peer, &SyncPeer::name) == config_.peers.end())
        return Error{"no peer is called " + peer, "l7ctl sync status lists them"};
    const std::unique_lock alone(commit_, std::try_to_lock);
    if (!alone)
        return Error{"a commit or a flush runs already", "wait for it to end"};
    if (config_.direct)
        return TakeoverReport{};
    committing_ = true;
    const auto began = steady_clock::now();
    Takeover takeover;
    for (const auto &subscriber : subscribers_)
        if (peer.empty() || subscriber->peer() == peer)
            subscriber->cache().each(
                [&](std::string_view key, std::string_view record) { takeover.add(key, record); });
    auto entered = takeover.enter(sink_, wall_ms());
    committing_ = false;
    if (!entered)
        return std::move(entered.error()).within("commit");
    entered->took_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began).count());
    const std::lock_guard lock(mutex_);
    commits_++;
    last_commit_ = *entered;
    return entered;
}

Result<void> Replication::flush_internal() {
    const std::unique_lock alone(commit_, std::try_to_lock);
    if (!alone)
        return Error{"a commit runs: nothing is flushed meanwhile", "wait for it to end"};
    if (!publisher_.flush(steady_clock::now() + kErrandLimit))
        return Error{"Redis at " + to_text(config_.redis) + " does not answer",
                     "it is flushed when it does"};
    return {};
}

Result<void> Replication::flush_external() {
    const std::unique_lock alone(commit_, std::try_to_lock);
    if (!alone)
        return Error{"a commit runs: nothing is flushed meanwhile", "wait for it to end"};
    for (const auto &subscriber : subscribers_)
        subscriber->flush();
    return {};
}

ResyncReport Replication::resync() {
    const auto until = steady_clock::now() + kErrandLimit;
    ResyncReport out;
    std::vector<Errand::Ticket> tickets;
    for (const auto &subscriber : subscribers_)
        tickets.push_back(subscriber->ask_full_read());
    // Whoever does not answer now has it done later; at a takeover that is to be expected.
    const auto limit = [&](bool answers) { return answers ? until : steady_clock::now(); };
    out.own = publisher_.resync(limit(publisher_.report().up));
    for (std::size_t i = 0; i < subscribers_.size(); i++) {
        Subscriber &subscriber = *subscribers_[i];
        if (!subscriber.wait(tickets[i],
                             limit(subscriber.report().state != PeerState::Unreachable)))
            out.missing.push_back(subscriber.peer());
    }
    return out;
}

SyncReport Replication::report() const {
    SyncReport out;
    out.node = config_.node;
    out.redis = to_text(config_.redis);
    out.direct = config_.direct;
    out.committing = committing_;
    out.outbox = outbox_.report();
    out.own = publisher_.report();
    for (const auto &subscriber : subscribers_)
        out.peers.push_back(subscriber->report());
    const std::lock_guard lock(mutex_);
    out.commits = commits_;
    out.last_commit = last_commit_;
    return out;
}

} // namespace l7
