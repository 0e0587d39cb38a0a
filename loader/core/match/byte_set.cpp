// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/byte_set.hpp"

#include "core/base/text.hpp"

namespace l7 {

void append_byte(std::string &out, unsigned byte) {
    static constexpr char kHex[] = "0123456789abcdef";
    const char c = static_cast<char>(byte);
    if (is_alphanumeric(c)) {
        out += c;
        return;
    }
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
}

std::string expression_of(const ByteSet &set) {
    if (ByteSet all = set; all.set(0).all())
        return ".";
    if (set.none())
        return "\\x00"; // matches nothing
    std::string out;
    for (unsigned first = 0; first < 256; first++) {
        if (!set[first])
            continue;
        unsigned last = first;
        while (last < 255 && set[last + 1])
            last++;
        append_byte(out, first);
        if (last > first) {
            out += '-';
            append_byte(out, last);
        }
        first = last;
    }
    return set.count() == 1 ? out : '[' + out + ']';
}

} // namespace l7
