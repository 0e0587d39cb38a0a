// SPDX-License-Identifier: GPL-2.0-or-later
// QUIC's long header: RFC 8999, RFC 9000 section 17.2, RFC 9369 section 3.2, and Google's versions.
#pragma once

#include "core/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace l7 {

/// How the versions that are spoken differ.
struct QuicVersion {
    std::uint32_t first, last; ///< the numbers
    Bytes salt;                ///< of the Initial keys
    std::string_view labels;   ///< what the labels of key, iv and hp begin with
    bool types_of_2 = false;   ///< the packet types are numbered as in version 2
    bool google_frames = false;
};

/// Null for a version without a known salt.
const QuicVersion *quic_version(std::uint32_t number);

/// 0x?a?a?a?a: reserved to make the other side negotiate (RFC 9000 section 15).
constexpr bool is_reserved_quic_version(std::uint32_t number) {
    return (number & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/// "Q043" and the like as a number.
constexpr std::uint32_t google_version(char letter, unsigned number) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(letter)) << 24 |
           ('0' + number / 100 % 10) << 16 | ('0' + number / 10 % 10) << 8 | ('0' + number % 10);
}

/// Google's versions up to Q099 and T099.
bool is_google_quic_version(std::uint32_t number);

enum class QuicType { Initial, ZeroRtt, Handshake, Retry, VersionNegotiation };

struct QuicPacket {
    QuicType type = QuicType::Initial;
    std::uint32_t version = 0;
    Bytes dcid;
    Bytes scid;
    Bytes whole;            ///< the packet, without what is coalesced behind it
    std::size_t number = 0; ///< Initial, 0-RTT, Handshake: where the packet number stands
};

/// The packet with a long header at the front of the bytes. None where there is a short header, or
/// what does not fit into the bytes. A version without a salt gives its ids only, as an Initial.
std::optional<QuicPacket> read_quic_packet(Bytes datagram);

} // namespace l7
