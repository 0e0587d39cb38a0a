// SPDX-License-Identifier: GPL-2.0-or-later
// Header compression of HTTP/2 (RFC 7541): a connection's first header block, which begins with an
// empty dynamic table.
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/parse.hpp"

#include <cstddef>
#include <optional>
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

/// Strings by the code of RFC 7541, appendix B; nothing where the bytes are none.
std::optional<std::string> read_huffman(Bytes coded);

} // namespace l7
