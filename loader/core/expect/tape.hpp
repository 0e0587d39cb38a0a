// SPDX-License-Identifier: GPL-2.0-or-later
// One direction of a connection that is listened to for as long as it lives.
#pragma once

#include "core/base/bytes.hpp"

#include <cstdint>
#include <vector>

namespace l7 {

/// Puts segments in order and hands them on once; keeps only those that came early. Offsets are of
/// the first byte of the direction and wrap.
class Tape {
  public:
    static constexpr std::size_t kEarlyBytes = 16384;
    static constexpr std::size_t kEarlySegments = 32;

    enum class State { Whole, Torn };

    /// What is in order now, piece by piece, goes to `each`. Torn: too much waits for bytes that do
    /// not come; all but what comes next is forgotten.
    template <class Each>
    State add(std::uint32_t offset, Bytes data, Each &&each) {
        if (!begun_ || passed_over_) {
            next_ = offset;
            begun_ = true;
            passed_over_ = false;
        }
        if (ahead(offset) > 0)
            return hold(offset, data);
        play(offset, data, each);
        while (!early_.empty() && ahead(early_.front().offset) <= 0) {
            const Segment next = std::move(early_.front());
            early_.erase(early_.begin());
            early_bytes_ -= next.data.size();
            play(next.offset, next.data, each);
        }
        return State::Whole;
    }

    /// Whether bytes are missing between the last and those at `offset`.
    bool lacks(std::uint32_t offset) const { return begun_ && !passed_over_ && ahead(offset) > 0; }

    /// Bytes after the last were passed over: what comes next is taken as it comes.
    void pass_over();

    std::size_t memory() const { return early_bytes_; }

  private:
    struct Segment {
        std::uint32_t offset;
        std::vector<std::uint8_t> data;
    };

    std::int32_t ahead(std::uint32_t offset) const {
        return static_cast<std::int32_t>(offset - next_);
    }

    template <class Each>
    void play(std::uint32_t offset, Bytes data, Each &each) {
        const std::uint32_t known = next_ - offset;
        if (known >= data.size())
            return;
        each(data.subspan(known));
        next_ = offset + static_cast<std::uint32_t>(data.size());
    }

    State hold(std::uint32_t offset, Bytes data);

    std::uint32_t next_ = 0;
    bool begun_ = false;
    bool passed_over_ = false;
    std::vector<Segment> early_; ///< by offset
    std::size_t early_bytes_ = 0;
};

} // namespace l7
