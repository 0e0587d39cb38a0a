// SPDX-License-Identifier: GPL-2.0-or-later
// The protection of QUIC's Initial packets (RFC 9001 section 5, RFC 9369 section 3.3). Its keys
// come from a connection id that everybody sees, so that who looks on can take it off.
#pragma once

#include "core/base/bytes.hpp"
#include "core/dissect/quic_packet.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace l7 {

struct QuicKeys {
    std::array<std::uint8_t, 16> key;
    std::array<std::uint8_t, 12> iv;
    std::array<std::uint8_t, 16> hp; ///< header protection
};

/// The keys of one side; `dcid` is the destination of the client's first Initial, or of its first
/// one after a Retry. None where OpenSSL lacks the algorithms.
std::optional<QuicKeys> quic_initial_keys(const QuicVersion &version, Bytes dcid, bool of_client);

/// The five bytes that hide first byte and packet number.
std::optional<std::array<std::uint8_t, 5>> quic_header_mask(const QuicKeys &keys, Bytes sample);

/// What an Initial carries: its frames. None where the packet was not made with these keys, which
/// its tag of 128 bits tells.
std::optional<std::vector<std::uint8_t>> open_quic_initial(const QuicPacket &packet,
                                                           const QuicKeys &keys);

} // namespace l7
