// SPDX-License-Identifier: GPL-2.0-or-later
// Which of many expressions the first bytes of data leave possible, all answered in one go: a bit
// for each expression, a row of bits for each value of each offset, and the rows ANDed.
#pragma once

#include "core/base/bytes.hpp"
#include "core/match/prefix.hpp"

#include <bit>
#include <cstdint>
#include <vector>

namespace l7 {

class PrefixIndex {
  public:
    PrefixIndex() = default;
    explicit PrefixIndex(const std::vector<Prefix> &prefixes);

    /// Calls `possible(i)` for each prefix that `data` meets, in order, until it returns false.
    template <typename Possible>
    void each(Bytes data, Possible possible) const {
        if (words_ == 0)
            return;
        const std::uint64_t *rows[Prefix::kBytes];
        for (std::size_t i = 0; i < Prefix::kBytes; i++)
            rows[i] = &rows_[(i * kValues + (i < data.size() ? data[i] : kEnd)) * words_];
        for (std::size_t word = 0; word < words_; word++) {
            std::uint64_t left = ~0ULL;
            for (const std::uint64_t *row : rows)
                left &= row[word];
            for (; left; left &= left - 1)
                if (!possible(word * 64 + static_cast<std::size_t>(std::countr_zero(left))))
                    return;
        }
    }

  private:
    static constexpr std::size_t kEnd = 256; ///< in place of a byte: the data ends before it
    static constexpr std::size_t kValues = 257;

    std::size_t words_ = 0;
    std::vector<std::uint64_t> rows_; ///< [offset][byte or kEnd][word]
};

} // namespace l7
