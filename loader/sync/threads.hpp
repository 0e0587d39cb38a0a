// SPDX-License-Identifier: GPL-2.0-or-later
// What the threads of replication share.
#pragma once

#include "core/base/clock.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <pthread.h>
#include <thread>
#include <utility>

namespace l7 {

inline constexpr std::chrono::seconds kAnswerLimit{2}; ///< for Redis to answer

/// A thread that no signal interrupts: OpenSSL writes to sockets without MSG_NOSIGNAL.
template <class Run>
std::thread start_thread(const char *name, Run run) {
    return std::thread([name, run = std::move(run)] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        pthread_setname_np(pthread_self(), name);
        run();
    });
}

/// Between two tries to connect.
class Backoff {
  public:
    std::chrono::milliseconds next() {
        return std::exchange(next_, std::min(next_ * 2, std::chrono::milliseconds(1000)));
    }
    void reset() { next_ = kFirst; }

  private:
    static constexpr std::chrono::milliseconds kFirst{50};
    std::chrono::milliseconds next_ = kFirst;
};

} // namespace l7
