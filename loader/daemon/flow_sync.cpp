// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/flow_sync.hpp"

namespace l7 {

void FlowSync::use(const Catalog &catalog) {
    const SyncConfig &config = catalog.config.sync;
    const std::lock_guard lock(mutex_);
    if (replication_ && replication_->config() == config && timeouts_ == catalog.config.timeouts)
        return;
    replication_.reset(); // first: the next one writes the same keys
    timeouts_ = catalog.config.timeouts;
    if (config.wanted())
        replication_ = std::make_shared<Replication>(config, timeouts_, sink_, walk_);
}

std::shared_ptr<Replication> FlowSync::get() const {
    const std::lock_guard lock(mutex_);
    return replication_;
}

} // namespace l7
