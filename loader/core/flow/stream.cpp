// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/stream.hpp"

#include <algorithm>

namespace l7 {

bool Stream::add(std::uint32_t offset, Bytes data, std::size_t limit) {
    const std::size_t before = bytes_.size();

    if (offset > bytes_.size()) {
        hold(offset, data);
        return false;
    }
    append(offset, data, limit);
    while (!pending_.empty() && pending_.front().offset <= bytes_.size()) {
        const Segment next = std::move(pending_.front());
        pending_.erase(pending_.begin());
        pending_bytes_ -= next.data.size();
        append(next.offset, next.data, limit);
    }
    return bytes_.size() > before;
}

void Stream::append(std::uint32_t offset, Bytes data, std::size_t limit) {
    const std::size_t known = bytes_.size() - offset;

    if (known >= data.size() || bytes_.size() >= limit)
        return;
    data = data.subspan(known);
    data = data.first(std::min(data.size(), limit - bytes_.size()));
    bytes_.insert(bytes_.end(), data.begin(), data.end());
}

void Stream::hold(std::uint32_t offset, Bytes data) {
    if (data.empty())
        return;
    if (pending_.size() >= kPendingSegments || pending_bytes_ + data.size() > kPendingBytes) {
        dropped_++;
        return;
    }
    const auto at = std::ranges::upper_bound(pending_, offset, {}, &Segment::offset);
    pending_.insert(at, Segment{offset, {data.begin(), data.end()}});
    pending_bytes_ += data.size();
}

void Stream::clear() {
    bytes_.clear();
    pending_.clear();
    pending_bytes_ = 0;
    dropped_ = 0;
}

} // namespace l7
