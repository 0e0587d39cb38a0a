// SPDX-License-Identifier: GPL-2.0-or-later
// The grammar of Henry Spencer's V8 regular expressions, as l7-filter uses it.
#pragma once

#include "core/base/result.hpp"
#include "core/match/byte_set.hpp"

#include <string_view>
#include <vector>

namespace l7 {

struct V8Node {
    enum class Kind {
        Start,    ///< ^: before the first byte
        End,      ///< $: after the last byte
        Set,      ///< one byte of `set`
        Sequence, ///< all parts, one after the other; none: nothing
        Choice,   ///< one of the parts
        Star,     ///< the part, any number of times; it never matches nothing
        Plus,     ///< the same, at least once
        Optional, ///< the part or nothing
    };
    Kind kind = Kind::Sequence;
    ByteSet set = {}; ///< of lower-cased bytes
    std::vector<V8Node> parts = {};
};

/// Reads an expression as a pattern file has it: `\xHH` becomes its byte before anything else is
/// looked at, and all is lower-cased. An error is what the original engine would have refused, with
/// its column from 1.
Result<V8Node> parse_v8(std::string_view expression);

} // namespace l7
