// SPDX-License-Identifier: GPL-2.0-or-later
// The last flows that were judged, with how it came to that.
//
// Threads: all may use it at once.
#pragma once

#include "core/dissect/dissector.hpp"
#include "core/flow/trace.hpp"
#include "core/match/database.hpp"

#include <l7ctl/abi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace l7 {

struct Explanation {
    l7_verdict verdict{};
    Trace trace;
    Details details;
    std::shared_ptr<const Database> database; ///< that the trace's evidence is of
};

class Journal {
  public:
    /// Keeps the last `capacity`.
    explicit Journal(std::size_t capacity = 4096);

    void add(Explanation explanation);

    /// The newest one of a flow; its `born` tells connections on the same ports apart.
    std::optional<Explanation> find(const l7_key &key, std::uint32_t born) const;

    /// All, oldest first.
    void each(const std::function<void(const Explanation &)> &show) const;

  private:
    mutable std::mutex mutex_;
    std::size_t capacity_;
    std::size_t next_ = 0;
    std::vector<Explanation> ring_;
};

} // namespace l7
