// SPDX-License-Identifier: GPL-2.0-or-later
// Changes of our own that wait for Redis: of each state the last one, in the order in which states
// began to wait.
//
// Threads: all may use it. put() and remove() never wait for more than a short lock.
#pragma once

#include "core/base/fields.hpp"
#include "core/sync/batch.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace l7 {

struct OutboxReport {
    std::uint64_t waiting = 0;
    std::uint64_t bytes = 0;
    std::uint64_t changes = 0;   ///< that came
    std::uint64_t coalesced = 0; ///< took the place of an older one that waited
    std::uint64_t dropped = 0;   ///< found no room; a resync makes up for them

    static void fields(const auto &visit, auto &of) {
        constexpr Metric kOutboxChanges{"l7ctl_sync_outbox_changes_total",
                                        "Changes by what became of them on their way out: a newer "
                                        "one took their place, or there was "
                                        "no room and a resync made up for them.",
                                        "result"};
        visit("waiting", of.waiting,
              {"l7ctl_sync_outbox_changes", "Changes that wait for our Redis."});
        visit("bytes", of.bytes, {"l7ctl_sync_outbox_bytes", "Memory they take."});
        visit("changes", of.changes, {}, false);
        visit("coalesced", of.coalesced, kOutboxChanges);
        visit("dropped", of.dropped, kOutboxChanges);
    }
};

class Outbox {
  public:
    explicit Outbox(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    /// What a change takes besides its key and record.
    static constexpr std::size_t kOverhead = 160;

    void put(std::string key, std::string record) { add(std::move(key), std::move(record)); }
    void remove(std::string key) { add(std::move(key), {}); }

    /// Waits until something is there, until wake() or for so long, and takes up to `most` changes.
    std::vector<Change> take(std::size_t most, std::chrono::milliseconds wait);

    /// Ends a take() that waits.
    void wake();

    /// Whether changes were dropped since the last call.
    bool take_dropped();

    OutboxReport report() const;

  private:
    void add(std::string key, std::string record);

    const std::size_t bytes_max_;
    mutable std::mutex mutex_; // guards what follows
    std::condition_variable wake_;
    std::unordered_map<std::string, std::string> records_;
    std::deque<std::string> order_; // keys of records_, each once
    OutboxReport counts_;
    bool dropped_ = false;
    bool woken_ = false;
    bool waiting_ = false;
};

} // namespace l7
