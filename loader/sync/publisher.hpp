// SPDX-License-Identifier: GPL-2.0-or-later
// Our own states on their way into our hash and stream, which nobody else writes.
//
// Threads: one of its own, which connects again by itself; all may call.
#pragma once

#include "core/sync/outbox.hpp"
#include "core/sync/reports.hpp"
#include "core/sync/sink.hpp"
#include "sync/errand.hpp"
#include "sync/redis.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace l7 {

/// Which of our own states others are told of.
struct Telling {
    bool expectations = true;
    std::vector<std::string> parents; ///< of expectations; empty: all
    bool endpoints = false;
    bool hints = false;
    bool untouched = true; ///< flows of other nodes that were entered here, and never seen

    bool of_parent(std::string_view protocol) const;
};

class Publisher {
  public:
    static constexpr std::size_t kStreamRecords = 65536; ///< that the stream goes back
    static constexpr std::size_t kPipeline = 16;         ///< batches sent before replies are read

    Publisher(const std::string &node, RedisLogin login, Telling telling, Outbox &outbox,
              WalkOwn walk);
    ~Publisher();
    Publisher(const Publisher &) = delete;
    Publisher &operator=(const Publisher &) = delete;

    /// Writes all anew, or removes it; true once that was done in time.
    bool resync(std::chrono::steady_clock::time_point until);
    bool flush(std::chrono::steady_clock::time_point until);

    PublisherReport report() const;

  private:
    struct StreamEntry {
        std::string id;
        std::size_t records;
    };
    class Rewriter;

    void run();
    Result<void> serve();
    Result<void> start(Redis &redis);
    Result<void> send(Redis &redis);
    Result<void> beat(Redis &redis);
    Result<void> errands(Redis &redis);
    Result<void> rewrite(Redis &redis, bool empty);
    void add_batch(Redis &redis, const std::vector<Change> &changes);
    void note_down(const Error &error);
    template <class Do>
    void update(Do &&what);

    const NodeKeys keys_;
    const RedisLogin login_;
    const Telling telling_;
    const std::string epoch_; ///< of this process, as kEpochField has it
    const std::uint64_t epoch_number_;
    Outbox &outbox_;
    const WalkOwn walk_;
    Stop stop_;
    Errand resync_, flush_;

    // The thread's own.
    std::string run_id_;             ///< of the Redis that has all of ours
    std::uint64_t sequence_ = 1;     ///< of the next batch
    std::deque<StreamEntry> stream_; ///< what the stream should still have, oldest first
    std::size_t stream_records_ = 0;
    std::vector<std::vector<Change>> unsent_; ///< taken from the outbox, not yet acknowledged
    std::chrono::steady_clock::time_point beat_due_, size_due_, rewrite_due_;
    bool rewrite_wanted_ = false;

    mutable std::mutex mutex_;
    PublisherReport report_; // guarded by mutex_

    std::thread thread_; // last: it uses the rest
};

} // namespace l7
