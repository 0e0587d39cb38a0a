// SPDX-License-Identifier: GPL-2.0-or-later
// The consumer's side of one BPF ring buffer (kernel/bpf/ringbuf.c).
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"

#include <cstdint>

namespace l7 {

/// Reads records in place. Their room is given back by commit only, so that a batch which was read
/// but not finished when the process dies is read again by the next. One thread.
class Ring {
  public:
    /// Maps the ring buffer behind `fd`, whose data is `bytes` large.
    static Result<Ring> open(Fd fd, std::uint32_t bytes);

    /// The next record, valid until commit; empty when there is none, or when the next one is not
    /// filled yet. Discarded records are passed over.
    Bytes next();

    /// Gives back the room of all records that next has returned.
    void commit();

    /// Bytes that producers have reserved and next has not passed: 0 means that nothing is on its
    /// way.
    std::uint64_t waiting() const;

    std::uint32_t size() const { return mask_ + 1; }
    int fd() const { return fd_.get(); }

  private:
    Ring(Fd fd, Mapping consumer, Mapping producer, std::uint32_t bytes);

    Fd fd_;
    Mapping consumer_;
    Mapping producer_; // the position page, then the data twice in a row
    std::uint32_t mask_ = 0;
    std::uint64_t at_ = 0;
};

} // namespace l7
