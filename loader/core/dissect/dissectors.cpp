// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/dissector.hpp"

#include "core/dissect/dns.hpp"
#include "core/dissect/http.hpp"

namespace l7 {

namespace {

constexpr unsigned kTcp = 1U << static_cast<unsigned>(Transport::Tcp);
constexpr unsigned kUdp = 1U << static_cast<unsigned>(Transport::Udp);

constexpr DissectorKind kKinds[] = {
    {"http", "http", kTcp, http_begins, make_http},
    {"dns", "dns mdns llmnr netbios", kTcp | kUdp, dns_begins, make_dns},
};

} // namespace

void add_dissector_protocols(Protocols &protocols) {
    for (const char *name : {"http", "http-connect", "websocket"})
        protocols.number(name);
}

std::span<const DissectorKind> dissector_kinds() {
    return kKinds;
}

} // namespace l7
