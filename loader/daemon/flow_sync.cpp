// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/flow_sync.hpp"

#include <chrono>
#include <thread>
#include <utility>

namespace l7 {

void FlowSync::use(const Catalog &catalog) {
    const SyncConfig &config = catalog.config.sync;
    std::shared_ptr<Replication> before;
    {
        const std::lock_guard lock(mutex_);
        if (replication_ && replication_->config() == config &&
            timeouts_ == catalog.config.timeouts)
            return;
        before = std::exchange(replication_, nullptr);
    }
    // Ended before the next one, which writes the same keys; by us, as it waits for its threads, of
    // which one may be what still uses it.
    while (before.use_count() > 1)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    before.reset();
    if (!config.wanted())
        return;
    auto next = std::make_shared<Replication>(config, catalog.config.timeouts, sink_, walk_);
    const std::lock_guard lock(mutex_);
    timeouts_ = catalog.config.timeouts;
    replication_ = std::move(next);
}

std::shared_ptr<Replication> FlowSync::get() const {
    const std::lock_guard lock(mutex_);
    return replication_;
}

} // namespace l7
