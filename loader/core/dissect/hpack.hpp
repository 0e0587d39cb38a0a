// SPDX-License-Identifier: GPL-2.0-or-later
// Header compression of HTTP/2 (RFC 7541), which nghttp2 undoes: a connection's first header block,
// which begins with an empty dynamic table.
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/parse.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace l7 {

/// Bounds of what one block may expand to: a byte can stand for an earlier field of any length. A
/// block that reaches one counts as cut off there.
inline constexpr std::size_t kMaxFields = 128;
inline constexpr std::size_t kMaxFieldBytes = 1U << 14;

struct HeaderField {
    std::string name;
    std::string value;
    bool operator==(const HeaderField &) const = default;
};

/// Reads a block or its head into `out`, which gets every field that is there as a whole, whatever
/// the answer is.
Parse read_header_block(Bytes block, std::vector<HeaderField> &out);

} // namespace l7
