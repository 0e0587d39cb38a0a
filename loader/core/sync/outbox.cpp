// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/outbox.hpp"

#include <utility>

namespace l7 {

void Outbox::add(std::string key, std::string record) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        counts_.changes++;
        const std::size_t size = key.size() + record.size() + kOverhead;
        if (const auto at = records_.find(key); at != records_.end()) {
            counts_.coalesced++;
            counts_.bytes += record.size();
            counts_.bytes -= at->second.size();
            at->second = std::move(record);
            return;
        }
        if (counts_.bytes + size > bytes_max_) {
            counts_.dropped++;
            dropped_ = true;
            return;
        }
        counts_.bytes += size;
        order_.push_back(key);
        records_.emplace(std::move(key), std::move(record));
        wake = std::exchange(waiting_, false);
    }
    if (wake)
        wake_.notify_one();
}

std::vector<Change> Outbox::take(std::size_t most, std::chrono::milliseconds wait) {
    std::vector<Change> out;
    std::unique_lock lock(mutex_);
    if (order_.empty() && !woken_) {
        waiting_ = true;
        wake_.wait_for(lock, wait, [this] { return woken_ || !order_.empty(); });
        waiting_ = false;
    }
    woken_ = false;
    while (!order_.empty() && out.size() < most) {
        auto node = records_.extract(order_.front());
        order_.pop_front();
        counts_.bytes -= node.key().size() + node.mapped().size() + kOverhead;
        out.push_back({std::move(node.key()), std::move(node.mapped())});
    }
    return out;
}

void Outbox::wake() {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    wake_.notify_one();
}

bool Outbox::take_dropped() {
    const std::lock_guard lock(mutex_);
    return std::exchange(dropped_, false);
}

OutboxReport Outbox::report() const {
    const std::lock_guard lock(mutex_);
    OutboxReport out = counts_;
    out.waiting = order_.size();
    return out;
}

} // namespace l7
