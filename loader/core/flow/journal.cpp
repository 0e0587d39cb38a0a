// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/journal.hpp"

#include "core/base/key.hpp"

namespace l7 {

Journal::Journal(std::size_t capacity) : capacity_(capacity) {}

void Journal::add(Explanation explanation) {
    const std::lock_guard lock(mutex_);
    if (ring_.size() < capacity_) {
        ring_.push_back(std::move(explanation));
        return;
    }
    ring_[next_] = std::move(explanation);
    next_ = (next_ + 1) % capacity_;
}

std::optional<Explanation> Journal::find(const l7_key &key, std::uint32_t born) const {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = ring_.size(); i > 0; i--) {
        const Explanation &one = ring_[(next_ + i - 1) % ring_.size()];
        if (one.verdict.born == born && KeyEqual()(one.verdict.key, key))
            return one;
    }
    return std::nullopt;
}

void Journal::each(const std::function<void(const Explanation &)> &show) const {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < ring_.size(); i++)
        show(ring_[(next_ + i) % ring_.size()]);
}

} // namespace l7
