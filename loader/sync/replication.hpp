// SPDX-License-Identifier: GPL-2.0-or-later
// Replication between nodes: what is ours is told to the others through our Redis, what is theirs
// is kept in caches until it is committed, or enters the flow table at once (direct).
//
// Threads: all may call; changed() and the like never wait for Redis.
#pragma once

#include "core/policy/config.hpp"
#include "core/sync/outbox.hpp"
#include "core/sync/reports.hpp"
#include "core/sync/sink.hpp"
#include "core/sync/takeover.hpp"
#include "sync/publisher.hpp"
#include "sync/subscriber.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace l7 {

struct ResyncReport {
    bool own = false;                 ///< all of ours was written anew
    std::vector<std::string> missing; ///< peers of whom not all could be read in time
};

class Replication {
  public:
    static constexpr std::chrono::seconds kErrandLimit{10};

    /// The sink outlives this.
    Replication(SyncConfig config, const TimeoutConfig &timeouts, ReplicaSink &sink, WalkOwn walk);

    const SyncConfig &config() const { return config_; }

    /// A flow of ours got or changed what others are told of, and the table has it so already.
    void changed(const FlowState &state);
    void ended(const l7_key &flow);
    void expected(const ExpectationState &state, std::string_view parent_protocol);
    void expectation_ended(const ExpectationState &state);
    void learnt(const EndpointState &state);
    void learnt(const HintState &state);

    /// Enters what peers have, or one of them ("": all). One at a time; the rest is refused.
    Result<TakeoverReport> commit(const std::string &peer);
    /// Removes what Redis has of ours, until it changes or a resync; or forgets what peers have.
    Result<void> flush_internal();
    Result<void> flush_external();
    /// Writes all of ours anew, and reads all of theirs.
    ResyncReport resync();

    SyncReport report() const;

  private:
    const SyncConfig config_;
    const Telling telling_;
    ReplicaSink &sink_;
    std::mutex commit_; ///< held by whoever commits or flushes
    std::atomic<bool> committing_{false};

    mutable std::mutex mutex_;
    std::uint64_t commits_ = 0;  // guarded by mutex_
    TakeoverReport last_commit_; // guarded by mutex_

    Outbox outbox_;
    Publisher publisher_;
    std::vector<std::unique_ptr<Subscriber>> subscribers_;
};

} // namespace l7
