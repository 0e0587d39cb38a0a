// SPDX-License-Identifier: GPL-2.0-or-later
// The first bytes of one direction of a TCP connection, put in order.
#pragma once

#include "core/base/bytes.hpp"

#include <cstdint>
#include <vector>

namespace l7 {

/// Takes segments in any order, trims what overlaps (the bytes that came first stay), and never
/// splices a gap. Bounded: what is beyond `limit` bytes, or early while kPending bytes already
/// wait, is dropped and counted.
class Stream {
  public:
    static constexpr std::size_t kPendingBytes = 8192;
    static constexpr std::size_t kPendingSegments = 16;

    /// Adds a segment at `offset` from the stream's start. Returns true when there are new bytes in
    /// order.
    bool add(std::uint32_t offset, Bytes data, std::size_t limit);

    /// What is there in order, from the first byte.
    Bytes bytes() const { return bytes_; }

    /// True when segments wait for bytes before them.
    bool has_gap() const { return !pending_.empty(); }

    std::uint32_t dropped() const { return dropped_; }
    std::size_t memory() const { return bytes_.capacity() + pending_bytes_; }
    void clear();

  private:
    struct Segment {
        std::uint32_t offset;
        std::vector<std::uint8_t> data;
    };

    void append(std::uint32_t offset, Bytes data, std::size_t limit);
    void hold(std::uint32_t offset, Bytes data);

    std::vector<std::uint8_t> bytes_;
    std::vector<Segment> pending_; // by offset
    std::size_t pending_bytes_ = 0;
    std::uint32_t dropped_ = 0;
};

} // namespace l7
