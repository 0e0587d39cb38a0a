// SPDX-License-Identifier: GPL-2.0-or-later
// Bencoding (BEP 3): integers, strings, lists and dictionaries, walked in place.
#pragma once

#include "core/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace l7 {

/// Moves forward only, in bytes that may end anywhere or be no bencoding at all; then it fails for
/// good. Nothing is copied, and values that are passed over cost no memory, however deep they are.
class Bencode {
  public:
    static constexpr unsigned kDepthMost = 32; ///< of a value that is passed over

    explicit Bencode(Bytes data) : data_(data) {}

    bool ok() const { return !failed_; }

    /// Whether a value of this kind comes next: 'd', 'l', 'i', or 's' for a string.
    bool is(char kind) const;

    /// Into the list or dictionary that comes next; false where there is none.
    bool enter(char kind);

    /// Whether another element comes; passes the end of the list or dictionary where none does.
    bool more();

    /// A string: as much of it as there is, and then the walk is at its end.
    Bytes string();

    std::optional<std::uint64_t> number(); ///< not a negative one

    /// Passes over a value of any kind.
    void skip();

  private:
    std::optional<std::uint64_t> digits(char end);
    void fail();

    Bytes data_;
    bool failed_ = false;
};

} // namespace l7
