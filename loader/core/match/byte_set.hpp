// SPDX-License-Identifier: GPL-2.0-or-later
// Sets of bytes as expressions of Hyperscan and PCRE.
#pragma once

#include <bitset>
#include <string>

namespace l7 {

using ByteSet = std::bitset<256>;

/// The byte: itself where it is a letter or a digit, else `\xHH`.
void append_byte(std::string &out, unsigned byte);

/// `.`, one byte or `[...]`. Data has no NUL, so whether that is a member does not matter.
std::string expression_of(const ByteSet &set);

} // namespace l7
