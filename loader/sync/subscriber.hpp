// SPDX-License-Identifier: GPL-2.0-or-later
// What one peer writes, read as it comes into our external cache of it, or straight into the flow
// table.
//
// Threads: one of its own, which connects again by itself and resumes where it was; all may call.
#pragma once

#include "core/sync/batch.hpp"
#include "core/sync/external_cache.hpp"
#include "core/sync/reports.hpp"
#include "core/sync/sink.hpp"
#include "sync/errand.hpp"
#include "sync/redis.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace l7 {

class Subscriber {
  public:
    /// direct: the sink in place of the cache; may be null.
    Subscriber(SyncPeer peer, RedisLogin login, std::size_t bytes_max,
               const TimeoutConfig &timeouts, ReplicaSink *direct);
    ~Subscriber();
    Subscriber(const Subscriber &) = delete;
    Subscriber &operator=(const Subscriber &) = delete;

    const std::string &peer() const { return peer_.name; }

    /// Has all that the peer has read again; wait() tells whether that was done in time.
    Errand::Ticket ask_full_read() { return full_read_.ask(); }
    bool wait(Errand::Ticket ticket, std::chrono::steady_clock::time_point until) {
        return full_read_.wait(ticket, until);
    }

    void flush() { cache_.clear(); }
    const ExternalCache &cache() const { return cache_; }
    SubscriberReport report() const;

  private:
    class Collected;
    using Clock = std::chrono::steady_clock;

    void run();
    Result<void> serve();
    Result<void> follow(Redis &redis);
    Result<void> read_all(Redis &redis);
    Result<void> read_position(Redis &redis);
    Result<void> look(ReplyView entries);
    Result<void> take(const BatchView &batch);
    Result<void> enter(const BatchView &batch);
    Result<void> look_for_life(Redis &redis);
    void note_answer();
    void note_alive(ReplyView exists);
    void expire();
    template <class Do>
    void update(Do &&what);

    const SyncPeer peer_;
    const NodeKeys keys_;
    const RedisLogin login_;
    ReplicaSink *const direct_;
    ExternalCache cache_;
    Stop stop_;
    Errand full_read_;

    // The thread's own.
    std::string run_id_;            ///< of the Redis that position_ is of
    std::string position_;          ///< ID of the last entry that was read
    std::optional<BatchHead> last_; ///< and its head; none: nothing was read of this stream
    bool behind_ = true;            ///< the stream alone does not tell all: read the hash
    Clock::time_point look_due_, expire_due_, read_due_;
    std::uint64_t alive_ms_ = 0; ///< when the node last lived

    mutable std::mutex mutex_;
    SubscriberReport report_;       // guarded by mutex_
    std::uint64_t answered_ms_ = 0; // guarded by mutex_: when its Redis last did

    std::thread thread_; // last: it uses the rest
};

} // namespace l7
