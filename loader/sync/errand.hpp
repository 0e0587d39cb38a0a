// SPDX-License-Identifier: GPL-2.0-or-later
// Something that a thread is asked to do, and whoever asked may wait for.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace l7 {

class Errand {
  public:
    using Ticket = std::uint64_t;

    Ticket ask() {
        const std::lock_guard lock(mutex_);
        return ++asked_;
    }

    /// The asker's side: whether it was done in time.
    bool wait(Ticket ticket, std::chrono::steady_clock::time_point until) {
        std::unique_lock lock(mutex_);
        return done_cv_.wait_until(lock, until, [&] { return done_ >= ticket; });
    }

    /// The thread's side: the latest that was asked and is not done; 0: nothing.
    Ticket due() const {
        const std::lock_guard lock(mutex_);
        return asked_ > done_ ? asked_ : 0;
    }
    void done(Ticket ticket) {
        {
            const std::lock_guard lock(mutex_);
            done_ = std::max(done_, ticket);
        }
        done_cv_.notify_all();
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable done_cv_;
    Ticket asked_ = 0;
    Ticket done_ = 0;
};

} // namespace l7
