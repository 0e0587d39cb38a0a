// SPDX-License-Identifier: GPL-2.0-or-later
// Replication as the configuration has it: there, made anew, or not there.
//
// Threads: all may use it.
#pragma once

#include "daemon/parts/catalog.hpp"
#include "sync/replication.hpp"

#include <memory>
#include <mutex>

namespace l7 {

class FlowSync {
  public:
    /// The sink outlives this.
    FlowSync(ReplicaSink &sink, WalkOwn walk) : sink_(sink), walk_(std::move(walk)) {}
    ~FlowSync() { end(); }

    /// One at a time, and from no thread of replication's.
    void use(const Catalog &catalog);

    /// Null where there is no [sync]. To be let go of after use: a reload waits for that.
    std::shared_ptr<Replication> get() const;

  private:
    void end();

    ReplicaSink &sink_;
    const WalkOwn walk_;
    mutable std::mutex mutex_;
    std::shared_ptr<Replication> replication_; // guarded by mutex_
    TimeoutConfig timeouts_;                   ///< that it was made with
};

} // namespace l7
