// SPDX-License-Identifier: GPL-2.0-or-later
// A message that comes in pieces, each with its offset, in any order and more than once.
#pragma once

#include "core/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace l7 {

/// Keeps what came first where pieces overlap. Bounded: what lies beyond `limit` bytes, or would
/// make more than kIslands separate stretches, is dropped and counted.
class Assembly {
  public:
    static constexpr std::size_t kIslands = 64;

    explicit Assembly(std::size_t limit) : limit_(limit) {}

    /// Adds a piece. Returns true when there are new bytes in order.
    bool add(std::uint64_t offset, Bytes piece);

    /// What is there from the first byte on without a gap.
    Bytes prefix() const;

    std::uint32_t dropped() const { return dropped_; }
    std::size_t memory() const { return bytes_.capacity() + islands_.capacity() * sizeof(Island); }
    void clear();

  private:
    struct Island {
        std::size_t begin;
        std::size_t end;
    };

    std::vector<std::uint8_t> bytes_; // valid inside the islands only
    std::vector<Island> islands_;     // in order, with gaps between them
    std::size_t limit_;
    std::uint32_t dropped_ = 0;
};

} // namespace l7
