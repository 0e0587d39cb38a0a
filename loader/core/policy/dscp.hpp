// SPDX-License-Identifier: GPL-2.0-or-later
// Names of differentiated services code points.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace l7 {

/// A code point by name ("EF", "AF41", "CS1", "LE", ..., whichever case) or number ("46", "0x2e"),
/// as in IANA's registry: RFC 2474, RFC 2597, RFC 3246, RFC 5865, RFC 8622.
std::optional<std::uint8_t> parse_dscp(std::string_view text);

} // namespace l7
