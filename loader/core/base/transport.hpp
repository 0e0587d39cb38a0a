// SPDX-License-Identifier: GPL-2.0-or-later
// The transports whose payload is looked at.
#pragma once

#include <l7ctl/packet.h>

#include <cstdint>
#include <optional>

namespace l7 {

/// All others are known by their IP protocol number.
enum class Transport : std::uint8_t { Tcp, Udp, Sctp };
inline constexpr unsigned kTransports = 3;

/// Sets of transports: bit n is Transport n.
inline constexpr unsigned kOverTcp = 1U << static_cast<unsigned>(Transport::Tcp);
inline constexpr unsigned kOverUdp = 1U << static_cast<unsigned>(Transport::Udp);
inline constexpr unsigned kOverSctp = 1U << static_cast<unsigned>(Transport::Sctp);

/// The transport of an IPPROTO_ number; UDP-Lite goes with UDP.
constexpr std::optional<Transport> transport_of(std::uint8_t l4) {
    switch (l4) {
    case L7_IPPROTO_TCP:
        return Transport::Tcp;
    case L7_IPPROTO_UDP:
    case L7_IPPROTO_UDPLITE:
        return Transport::Udp;
    case L7_IPPROTO_SCTP:
        return Transport::Sctp;
    default:
        return std::nullopt;
    }
}

} // namespace l7
