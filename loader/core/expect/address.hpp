// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses as announcements have them.
#pragma once

#include "core/expect/parent.hpp"

#include <optional>
#include <string_view>

namespace l7 {

inline constexpr ChildAddress kAnyone{};

/// IPv4, its first byte the highest.
ChildAddress from_ipv4(std::uint32_t address);
/// 4 or 16 bytes in network byte order.
std::optional<ChildAddress> from_bytes(Bytes address);

std::optional<ChildAddress> parse_ipv4(std::string_view text);
std::optional<ChildAddress> parse_ipv6(std::string_view text);
/// Either; an IPv6 address may stand in brackets.
std::optional<ChildAddress> parse_address(std::string_view text);

/// Address, and port behind a colon (0: none given): "192.0.2.1:80", "[2001:db8::1]:80".
struct HostPort {
    ChildAddress address;
    std::uint16_t port;
};
std::optional<HostPort> parse_host_port(std::string_view text);

/// Nobody's: "::" and 0.0.0.0.
bool is_unspecified(const ChildAddress &address);
bool is_loopback(const ChildAddress &address);
/// Multicast and IPv4's broadcast to all.
bool is_multicast(const ChildAddress &address);

} // namespace l7
