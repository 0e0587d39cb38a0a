// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace l7 {

/// A histogram of times from a microsecond to an hour, four slots to an octave.
class Latency {
  public:
    void add(std::uint64_t microseconds) {
        slots_[slot_of(microseconds)]++;
        count_++;
        sum_ += microseconds;
    }

    std::uint64_t count() const { return count_; }
    std::uint64_t sum() const { return sum_; } ///< microseconds

    /// How many were below `bound` microseconds; exact where that is the end of a slot, as powers
    /// of two are.
    std::uint64_t below(std::uint64_t bound) const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < slots_.size() && end_of(i) <= bound; i++)
            sum += slots_[i];
        return sum;
    }

    /// The time, in microseconds, that `share` of all were below; 0 where there were none.
    std::uint64_t quantile(double share) const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < slots_.size() && count_ > 0; i++) {
            sum += slots_[i];
            if (static_cast<double>(sum) >= share * static_cast<double>(count_))
                return end_of(i);
        }
        return 0;
    }

    static void fields(const auto &visit, auto &of) {
        visit("p50", of.quantile(0.5));
        visit("p99", of.quantile(0.99));
    }

  private:
    /// Below 4 a slot for each; from there the leading bit and the two that follow it.
    static std::size_t slot_of(std::uint64_t value) {
        if (value < 4)
            return value;
        const auto octave = static_cast<std::size_t>(std::bit_width(value)) - 3;
        return std::min<std::size_t>(4 + 4 * octave + (value >> octave & 3), kSlots - 1);
    }

    static std::uint64_t end_of(std::size_t slot) {
        if (slot < 8)
            return slot + 1;
        const std::size_t octave = slot / 4 - 1;
        return (std::uint64_t{4} + slot % 4 + 1) << octave;
    }

    static constexpr std::size_t kSlots = 128;

    std::array<std::uint64_t, kSlots> slots_{};
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
};

} // namespace l7
