// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/ip_protocol.hpp"

#include <algorithm>
#include <array>

namespace l7 {

namespace {

constexpr std::array<IpProtocol, 17> kProtocols{{
    {1, "icmp", "Internet Control Message Protocol", "RFC 792", "network", true},
    {2, "igmp", "Internet Group Management Protocol", "RFC 3376", "network", true},
    {4, "ipip", "IPv4 within IP", "RFC 2003", "tunnel", true},
    {6, "tcp", "Transmission Control Protocol", "RFC 9293", "network", false},
    {17, "udp", "User Datagram Protocol", "RFC 768", "network", false},
    {41, "ipv6-in-ip", "IPv6 within IP", "RFC 4213", "tunnel", true},
    {47, "gre", "Generic Routing Encapsulation", "RFC 2784", "tunnel", true},
    {50, "esp", "IP Encapsulating Security Payload", "RFC 4303", "vpn", true},
    {51, "ah", "IP Authentication Header", "RFC 4302", "vpn", true},
    {58, "icmpv6", "Internet Control Message Protocol for IPv6", "RFC 4443", "network", true},
    {88, "eigrp", "Enhanced Interior Gateway Routing Protocol", "RFC 7868", "routing", true},
    {89, "ospf", "Open Shortest Path First", "RFC 2328, RFC 5340", "routing", true},
    {103, "pim", "Protocol Independent Multicast", "RFC 7761", "routing", true},
    {112, "vrrp", "Virtual Router Redundancy Protocol", "RFC 9568", "routing", true},
    {113, "pgm", "Pragmatic General Multicast", "RFC 3208", "network", true},
    {115, "l2tp", "Layer Two Tunneling Protocol 3", "RFC 3931", "tunnel", true},
    {132, "sctp", "Stream Control Transmission Protocol", "RFC 9260", "network", false},
}};

const IpProtocol *find(std::uint8_t l4) {
    const auto found = std::ranges::find(kProtocols, l4, &IpProtocol::number);
    return found == kProtocols.end() ? nullptr : &*found;
}

} // namespace

std::string_view ip_protocol_name(std::uint8_t l4) {
    const IpProtocol *known = find(l4);
    return known && known->final ? known->name : std::string_view{};
}

std::string l4_name(std::uint8_t l4) {
    const IpProtocol *known = find(l4);
    return known ? std::string(known->name) : std::to_string(l4);
}

std::span<const IpProtocol> ip_protocols() {
    return kProtocols;
}

void add_ip_protocols(Protocols &protocols) {
    for (const IpProtocol &one : kProtocols)
        if (one.named())
            protocols.number(one.name);
}

} // namespace l7
