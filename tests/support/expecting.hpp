// SPDX-License-Identifier: GPL-2.0-or-later
// Parents of child connections in tests.
#pragma once

#include "core/expect/address.hpp"
#include "core/expect/parent.hpp"
#include "packets.hpp"

#include <netinet/in.h>

#include <arpa/inet.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace l7::test {

struct Said {
    unsigned direction;
    std::string bytes;
};
using Conversation = std::vector<Said>;
using Lines = std::vector<std::string>;

inline Parties parties_at(std::string_view client, std::uint16_t sport, std::string_view server,
                          std::uint16_t port, std::uint8_t l4) {
    return {{*parse_address(client), *parse_address(server)}, {sport, port}, l4};
}

/// What most tests talk between.
inline Parties parties_v4(std::uint16_t port, std::uint8_t l4 = IPPROTO_TCP) {
    return parties_at("192.0.2.1", 40000, "198.51.100.1", port, l4);
}
inline Parties parties_v6(std::uint16_t port, std::uint8_t l4 = IPPROTO_TCP) {
    return parties_at("2001:db8::1", 40000, "2001:db8:1::1", port, l4);
}

inline const ParentKind &parent_kind(std::string_view protocol) {
    for (const ParentKind &kind : parent_kinds())
        if (kind.protocol == protocol)
            return kind;
    throw std::runtime_error("no such parent");
}

inline std::string shown(const ChildAddress &address) {
    char text[INET6_ADDRSTRLEN];
    if (address == kAnyone)
        return "any";
    const bool v4 = address[10] == 0xff && address[0] == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text, sizeof(text));
    return v4 ? text : "[" + std::string(text) + "]";
}

/// "tcp 192.0.2.1:* > 198.51.100.1:50000 data ftp-data", data being the topic.
inline std::string shown(const Announcement &one, std::string_view protocol) {
    const auto port = [](std::uint16_t number) {
        return number ? ":" + std::to_string(number) : std::string(":*");
    };
    const std::string l4 = one.l4 == IPPROTO_TCP   ? "tcp"
                           : one.l4 == IPPROTO_UDP ? "udp"
                                                   : std::to_string(one.l4);
    return l4 + " " + shown(one.source) + port(one.sport) + " > " + shown(one.target) +
           port(one.port) + " " + parent_kind(protocol).topics[one.topic].name + " " +
           std::string(one.protocol) +
           (one.lifetime_s ? " " + std::to_string(one.lifetime_s) + "s" : "");
}

inline std::vector<Announcement> announcements(std::string_view protocol, const Parties &parties,
                                               const Conversation &said) {
    std::vector<Announcement> out;
    const auto parent = parent_kind(protocol).make(parties);
    for (const Said &one : said) {
        const Buffer bytes = bytes_of(one.bytes);
        parent->take({one.direction, bytes}, out);
    }
    return out;
}

inline Lines announced(std::string_view protocol, const Parties &parties,
                       const Conversation &said) {
    Lines out;
    for (const Announcement &one : announcements(protocol, parties, said))
        out.push_back(shown(one, protocol));
    return out;
}

/// The same, also from a stream that is cut at any byte, and from one of single bytes; what
/// differs is in the lines.
inline Lines announced_in_pieces(std::string_view protocol, const Parties &parties,
                                 const Conversation &said) {
    Lines out = announced(protocol, parties, said);
    const Lines expected = out;
    Conversation bytes;
    for (std::size_t i = 0; i < said.size(); i++) {
        for (std::size_t at = 1; at < said[i].bytes.size(); at++) {
            Conversation cut(said);
            cut[i].bytes.resize(at);
            cut.insert(cut.begin() + static_cast<long>(i) + 1,
                       {said[i].direction, said[i].bytes.substr(at)});
            if (announced(protocol, parties, cut) != expected)
                out.push_back("cut at " + std::to_string(at) + " of " + std::to_string(i));
        }
        for (const char byte : said[i].bytes)
            bytes.push_back({said[i].direction, std::string(1, byte)});
    }
    if (announced(protocol, parties, bytes) != expected)
        out.push_back("in single bytes");
    return out;
}

} // namespace l7::test
