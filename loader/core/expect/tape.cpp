// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/tape.hpp"

#include <algorithm>

namespace l7 {

Tape::State Tape::hold(std::uint32_t offset, Bytes data) {
    if (data.empty())
        return State::Whole;
    if (early_.size() >= kEarlySegments || early_bytes_ + data.size() > kEarlyBytes) {
        pass_over();
        return State::Torn;
    }
    const auto at = std::ranges::find_if(
        early_, [&](const Segment &one) { return ahead(one.offset) > ahead(offset); });
    early_.insert(at, Segment{offset, {data.begin(), data.end()}});
    early_bytes_ += data.size();
    return State::Whole;
}

void Tape::pass_over() {
    passed_over_ = true;
    early_.clear();
    early_bytes_ = 0;
}

} // namespace l7
