// SPDX-License-Identifier: GPL-2.0-or-later
// Content types of TLS' and DTLS' records (RFC 8446, 5.1; IANA's TLS ContentType registry).
#pragma once

#include <cstdint>

namespace l7 {

inline constexpr std::uint8_t kTlsChangeCipherSpec = 20;
inline constexpr std::uint8_t kTlsAlert = 21;
inline constexpr std::uint8_t kTlsHandshake = 22;
inline constexpr std::uint8_t kTlsHeartbeat = 24;
inline constexpr std::uint8_t kTlsAck = 26; ///< DTLS 1.3 only (RFC 9147, 7)

} // namespace l7
