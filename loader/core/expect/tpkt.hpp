// SPDX-License-Identifier: GPL-2.0-or-later
// Packets within TCP (RFC 1006, 6).
#pragma once

#include "core/base/bytes.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace l7 {

/// Takes packets from a stream; those beyond a bound are passed over. A stream that is something
/// else, or is not any more, is never read again.
class TpktReader {
  public:
    /// The next packet that ends within the data, which is taken off its front; none: all was
    /// taken. It is valid until the next call.
    std::optional<Bytes> next(Bytes &data);

    bool lost() const { return lost_; }

  private:
    std::vector<std::uint8_t> held_; ///< header and packet so far
    std::size_t left_ = 0;           ///< of one to be passed over
    bool given_ = false;             ///< what is held was the last packet
    bool lost_ = false;
};

} // namespace l7
