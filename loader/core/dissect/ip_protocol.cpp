// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/ip_protocol.hpp"

#include <algorithm>
#include <array>

namespace l7 {

namespace {

struct IpProtocol {
    std::uint8_t number;
    std::string_view name;
    bool final; ///< nothing above it needs a pattern
};

constexpr std::array<IpProtocol, 17> kProtocols{{
    {1, "icmp", true},
    {2, "igmp", true},
    {4, "ipip", true},
    {6, "tcp", false},
    {17, "udp", false},
    {41, "ipv6-in-ip", true},
    {47, "gre", true},
    {50, "esp", true},
    {51, "ah", true},
    {58, "icmpv6", true},
    {88, "eigrp", true},
    {89, "ospf", true},
    {103, "pim", true},
    {112, "vrrp", true},
    {113, "pgm", true},
    {115, "l2tp", true},
    {132, "sctp", false},
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

void add_ip_protocols(Protocols &protocols) {
    for (const IpProtocol &one : kProtocols)
        if (one.final || one.number == 132)
            protocols.number(one.name);
}

} // namespace l7
