// SPDX-License-Identifier: GPL-2.0-or-later
#include "packets.hpp"

#include <arpa/inet.h>
#include <cctype>
#include <stdexcept>

namespace l7::test {

namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17, kSctp = 132, kFragment = 44;

void put16(Buffer &out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put32(Buffer &out, std::uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xffff);
}

void append(Buffer &out, const Buffer &more) {
    out.insert(out.end(), more.begin(), more.end());
}

Buffer address(const std::string &text, int family) {
    Buffer out(family == AF_INET ? 4 : 16);
    if (inet_pton(family, text.c_str(), out.data()) != 1)
        throw std::invalid_argument("no address: " + text);
    return out;
}

Buffer transport(const Packet &packet) {
    Buffer out;
    if (packet.fragment_offset != 0)
        return packet.payload;
    switch (packet.l4) {
    case kTcp:
        put16(out, packet.sport);
        put16(out, packet.dport);
        put32(out, packet.seq);
        put32(out, packet.ack);
        out.push_back(static_cast<std::uint8_t>((5 + packet.tcp_options / 4) << 4));
        out.push_back(packet.flags);
        put16(out, 65535);
        put32(out, 0);
        out.insert(out.end(), packet.tcp_options, 1); // NOP
        break;
    case kUdp:
        put16(out, packet.sport);
        put16(out, packet.dport);
        put16(out, static_cast<unsigned>(8 + packet.payload.size()));
        put16(out, 0);
        break;
    case kSctp:
        put16(out, packet.sport);
        put16(out, packet.dport);
        put32(out, 0);
        put32(out, 0);
        break;
    default:
        break;
    }
    append(out, packet.payload);
    return out;
}

Buffer ipv4(const Packet &packet, const Buffer &inner) {
    Buffer out;
    const unsigned header = 20 + packet.ip_options;
    out.push_back(static_cast<std::uint8_t>(0x40 | header / 4));
    out.push_back(packet.traffic_class);
    put16(out,
          static_cast<unsigned>(static_cast<int>(header + inner.size()) + packet.length_error));
    put16(out, packet.fragment_id & 0xffff);
    put16(out, (packet.more_fragments ? 0x2000U : 0U) | packet.fragment_offset);
    out.push_back(64);
    out.push_back(packet.l4);
    put16(out, 0);
    append(out, address(packet.source, AF_INET));
    append(out, address(packet.target, AF_INET));
    out.insert(out.end(), packet.ip_options, 1);
    append(out, inner);
    return out;
}

Buffer ipv6(const Packet &packet, const Buffer &inner) {
    std::vector<std::uint8_t> chain = packet.extensions;
    if (packet.fragment_offset || packet.more_fragments)
        chain.push_back(kFragment);
    Buffer out{static_cast<std::uint8_t>(0x60 | packet.traffic_class >> 4),
               static_cast<std::uint8_t>(packet.traffic_class << 4), 0, 0};
    put16(out, static_cast<unsigned>(static_cast<int>(inner.size() + 8 * chain.size()) +
                                     packet.length_error));
    out.push_back(chain.empty() ? packet.l4 : chain.front());
    out.push_back(64);
    append(out, address(packet.source, AF_INET6));
    append(out, address(packet.target, AF_INET6));
    for (std::size_t i = 0; i < chain.size(); i++) {
        out.push_back(i + 1 < chain.size() ? chain[i + 1] : packet.l4);
        out.push_back(0); // 8 bytes
        if (chain[i] == kFragment) {
            put16(out, static_cast<unsigned>(packet.fragment_offset) << 3 |
                           (packet.more_fragments ? 1U : 0U));
            put32(out, packet.fragment_id);
        } else {
            out.insert(out.end(), {1, 4, 0, 0, 0, 0}); // PadN
        }
    }
    append(out, inner);
    return out;
}

} // namespace

Buffer bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

Buffer hex(std::string_view digits) {
    Buffer out;
    std::string byte;
    for (const char c : digits) {
        if (std::isspace(static_cast<unsigned char>(c)))
            continue;
        byte += c;
        if (byte.size() == 2) {
            out.push_back(static_cast<std::uint8_t>(std::stoul(byte, nullptr, 16)));
            byte.clear();
        }
    }
    return out;
}

Buffer build(const Packet &packet) {
    Buffer out;
    const bool six = packet.is_ipv6();

    if (packet.ethernet) {
        out = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
        std::uint16_t type = packet.ethertype ? packet.ethertype : six ? 0x86dd : 0x0800;
        if (packet.pppoe)
            type = 0x8864;
        for (const auto &[tpid, tag] : packet.vlans) {
            put16(out, tpid);
            put16(out, tag);
        }
        put16(out, type);
    }
    const Buffer inner = transport(packet);
    const Buffer ip = six ? ipv6(packet, inner) : ipv4(packet, inner);
    if (packet.pppoe) {
        out.insert(out.end(), {0x11, 0, 0, 1});
        put16(out, static_cast<unsigned>(ip.size() + 2));
        put16(out, six ? 0x57 : 0x21);
    }
    append(out, ip);
    out.insert(out.end(), packet.padding, 0);
    return out;
}

} // namespace l7::test
