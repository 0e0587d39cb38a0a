// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/assembly.hpp"

#include <algorithm>

namespace l7 {

bool Assembly::add(std::uint64_t offset, Bytes piece) {
    if (piece.empty())
        return false;
    if (offset >= limit_) {
        dropped_++;
        return false;
    }
    if (piece.size() > limit_ - offset) {
        piece = piece.first(limit_ - static_cast<std::size_t>(offset));
        dropped_++;
    }
    const std::size_t before = prefix().size();
    const auto begin = static_cast<std::size_t>(offset);
    const std::size_t end = begin + piece.size();

    // The islands that the piece touches become one with it.
    const auto first = std::ranges::lower_bound(islands_, begin, {}, &Island::end);
    const auto last = std::ranges::upper_bound(first, islands_.end(), end, {}, &Island::begin);
    if (first == last && islands_.size() == kIslands) {
        dropped_++;
        return false;
    }
    if (bytes_.size() < end)
        bytes_.resize(end);
    const auto copy = [&](std::size_t from, std::size_t to) {
        if (from < to)
            std::ranges::copy(piece.subspan(from - begin, to - from),
                              bytes_.begin() + static_cast<std::ptrdiff_t>(from));
    };
    std::size_t at = begin;
    for (auto island = first; island != last; ++island) {
        copy(at, island->begin);
        at = std::max(at, island->end);
    }
    copy(at, end);

    Island joined{begin, end};
    if (first != last)
        joined = {std::min(begin, first->begin), std::max(end, std::prev(last)->end)};
    islands_.insert(islands_.erase(first, last), joined);
    return prefix().size() > before;
}

Bytes Assembly::prefix() const {
    if (islands_.empty() || islands_.front().begin > 0)
        return {};
    return Bytes(bytes_).first(islands_.front().end);
}

void Assembly::clear() {
    bytes_.clear();
    islands_.clear();
}

} // namespace l7
