// SPDX-License-Identifier: GPL-2.0-or-later
// Protocols that the IP header itself names.
#pragma once

#include "core/match/protocols.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace l7 {

/// The protocol that is carried straight over IP under this number (IANA "Assigned Internet
/// Protocol Numbers"), or "" where the number is a transport for others or has no use today.
std::string_view ip_protocol_name(std::uint8_t l4);

/// What flows and JSON call the number: "tcp", "udp", "icmp", ... or the number itself.
std::string l4_name(std::uint8_t l4);

struct IpProtocol {
    std::uint8_t number;
    std::string_view name;
    std::string_view title;
    std::string_view spec;
    std::string_view group;
    bool final; ///< nothing above it needs a pattern

    /// A flow can be named by it: SCTP's, where nothing above it is known.
    bool named() const { return final || number == 132; }
};
std::span<const IpProtocol> ip_protocols();

/// Gives every such protocol its number.
void add_ip_protocols(Protocols &protocols);

} // namespace l7
