// SPDX-License-Identifier: GPL-2.0-or-later
// Which of many expressions some bytes near the start of data leave possible, all answered in one
// go: a bit for each expression, a row of bits for each value of each offset, and the rows ANDed.
// The offsets are those that tell the expressions apart best.
#pragma once

#include "core/base/bytes.hpp"
#include "core/match/prefix.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace l7 {

class PrefixIndex {
  public:
    PrefixIndex() = default;
    explicit PrefixIndex(const std::vector<const Prefix *> &prefixes);

    /// Calls `possible(i)` for each prefix that `data` meets, in order, until it returns false.
    template <typename Possible>
    void each(Bytes data, Possible possible) const {
        std::array<const std::uint64_t *, Prefix::kBytes> rows;
        const std::size_t count = offsets_.size();
        for (std::size_t i = 0; i < count; i++) {
            const std::size_t value = offsets_[i] < data.size() ? data[offsets_[i]] : kEnd;
            rows[i] = &rows_[row_[i * kValues + value] * words_];
        }
        for (std::size_t word = 0; word < words_; word++) {
            std::uint64_t left = word + 1 == words_ ? last_ : ~0ULL;
            for (std::size_t i = 0; i < count && left; i++)
                left &= rows[i][word];
            for (; left; left &= left - 1)
                if (const std::size_t n =
                        word * 64 + static_cast<std::size_t>(std::countr_zero(left));
                    meets_rest(n, data) && !possible(n))
                    return;
        }
    }

  private:
    struct Rest {
        std::uint8_t offset;
        std::uint16_t set;
    };

    void add_rest(const std::vector<const Prefix *> &prefixes);

    bool meets_rest(std::size_t n, Bytes data) const {
        if (data.size() < widths_[n])
            return false;
        for (std::uint32_t i = rest_from_[n]; i < rest_from_[n + 1]; i++)
            if (!sets_[rest_[i].set][data[rest_[i].offset]])
                return false;
        return true;
    }

    static constexpr std::size_t kEnd = 256; ///< in place of a byte: the data ends before it
    static constexpr std::size_t kValues = 257;

    std::size_t words_ = 0;
    std::uint64_t last_ = 0; ///< the bits in use of the last word
    std::vector<std::size_t> offsets_;
    std::vector<std::uint16_t> row_;       ///< [offset][byte or kEnd]: most share theirs
    std::vector<std::uint64_t> rows_;      ///< [row][word]
    std::vector<std::uint8_t> widths_;     ///< by prefix
    std::vector<std::uint32_t> rest_from_; ///< by prefix, and one more: its part of rest_
    std::vector<Rest> rest_;
    std::vector<std::bitset<256>> sets_;
};

} // namespace l7
