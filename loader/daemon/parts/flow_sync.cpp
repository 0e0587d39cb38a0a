// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/flow_sync.hpp"

#include <chrono>
#include <thread>
#include <utility>

namespace l7 {

void FlowSync::use(const Catalog &catalog) {
    const SyncConfig &config = catalog.config.sync;
    if (const auto now = get();
        now && now->config() == config && timeouts_ == catalog.config.timeouts)
        return;
    end(); // before the next one, which writes the same keys
    timeouts_ = catalog.config.timeouts;
    if (!config.wanted())
        return;
    auto next = std::make_shared<Replication>(config, timeouts_, sink_, walk_);
    const std::lock_guard lock(mutex_);
    replication_ = std::move(next);
}

/// Ends it in this thread: it waits for its own threads, of which one may be what still uses it.
void FlowSync::end() {
    std::shared_ptr<Replication> last;
    {
        const std::lock_guard lock(mutex_);
        last = std::exchange(replication_, nullptr);
    }
    while (last.use_count() > 1)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::shared_ptr<Replication> FlowSync::get() const {
    const std::lock_guard lock(mutex_);
    return replication_;
}

} // namespace l7
