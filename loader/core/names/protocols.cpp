// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/protocols.hpp"

#include "core/base/transport.hpp"

#include <algorithm>

namespace l7 {

namespace {

std::string_view name_of_ip(std::uint8_t l4) {
    const auto all = built_in_protocols();
    const auto found = std::ranges::find(all, l4, &BuiltInProtocol::ip);
    return l4 == 0 || found == all.end() ? std::string_view{} : found->name;
}

} // namespace

std::span<const BuiltInProtocol> built_in_protocols() {
    static const std::vector<BuiltInProtocol> all{
#include "core/names/built_in_protocols.inc"
    };
    return all;
}

const BuiltInProtocol *built_in_protocol(std::string_view name) {
    const auto all = built_in_protocols();
    const auto found = std::ranges::find(all, name, &BuiltInProtocol::name);
    return found == all.end() ? nullptr : &*found;
}

std::string_view ip_protocol_name(std::uint8_t l4) {
    return transport_of(l4) ? std::string_view{} : name_of_ip(l4);
}

std::string l4_name(std::uint8_t l4) {
    if (l4 == L7_IPPROTO_TCP)
        return "tcp";
    if (l4 == L7_IPPROTO_UDP)
        return "udp";
    const std::string_view name = name_of_ip(l4);
    return name.empty() ? std::to_string(l4) : std::string(name);
}

Protocols::Protocols() : NameNumbers(L7_PROTOCOL_FIRST, L7_PROTOCOLS_MAX) {
    reserve(L7_UNSET, "unset");
    reserve(L7_UNKNOWN, "unknown");
    reserve(L7_NON_IP, "non-ip");
    reserve(L7_MALFORMED, "malformed");
}

void Protocols::add_built_in() {
    for (const BuiltInProtocol &one : built_in_protocols())
        number(one.name);
}

} // namespace l7
