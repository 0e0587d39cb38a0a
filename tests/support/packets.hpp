// SPDX-License-Identifier: GPL-2.0-or-later
// Packets for tests, built layer by layer: Ethernet(), IPv4{...}, TCP{...}, payload.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace l7::test {

using Buffer = std::vector<std::uint8_t>;

/// Bytes of a string, NULs and all.
Buffer bytes_of(std::string_view text);

/// Hexadecimal digits with blanks between bytes.
Buffer hex(std::string_view digits);

struct Packet {
    // What stands in front.
    bool ethernet = true;
    std::vector<std::pair<std::uint16_t, std::uint16_t>> vlans = {}; ///< {ethertype, tag}
    bool pppoe = false;
    std::uint16_t ethertype = 0; ///< 0: by the IP version

    // IP
    std::string source = "192.0.2.1";
    std::string target = "198.51.100.1";
    std::uint8_t l4 = 6;
    std::uint8_t traffic_class = 0;            ///< DSCP and ECN
    unsigned ip_options = 0;                   ///< bytes, a multiple of 4
    std::vector<std::uint8_t> extensions = {}; ///< IPv6 next-header values, 8 bytes each
    std::uint16_t fragment_offset = 0;         ///< in 8-byte units
    bool more_fragments = false;
    std::uint32_t fragment_id = 0;
    int length_error = 0; ///< added to the IP length field

    // Transport
    std::uint16_t sport = 40000;
    std::uint16_t dport = 443;
    std::uint8_t flags = 0x10; ///< TCP
    std::uint32_t seq = 1000;
    std::uint32_t ack = 0;
    unsigned tcp_options = 0; ///< bytes, a multiple of 4
    Buffer payload = {};
    unsigned padding = 0; ///< link-layer bytes after the IP packet

    bool is_ipv6() const { return source.find(':') != std::string::npos; }
};

Buffer build(const Packet &packet);

} // namespace l7::test
