// SPDX-License-Identifier: GPL-2.0-or-later
// Protocols that the IP header itself names.
#pragma once

#include "core/match/protocols.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace l7 {

/// The protocol that is carried straight over IP under this number (IANA "Assigned Internet
/// Protocol Numbers"), or "" where the number is a transport for others or has no use today.
std::string_view ip_protocol_name(std::uint8_t l4);

/// What flows and JSON call the number: "tcp", "udp", "icmp", ... or the number itself.
std::string l4_name(std::uint8_t l4);

/// Gives every such protocol its number.
void add_ip_protocols(Protocols &protocols);

} // namespace l7
