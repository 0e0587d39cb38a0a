// SPDX-License-Identifier: GPL-2.0-or-later
// Hellos and records for tests.
#pragma once

#include "packets.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace l7::test {

/// Numbers in network byte order at the end of a buffer.
void put(Buffer &out, std::uint64_t value, unsigned bytes);

/// Bytes behind their length in so many bytes.
Buffer with_length(const Buffer &content, unsigned bytes);

Buffer join(const std::vector<Buffer> &parts);

/// A list of numbers of two bytes behind its length in so many bytes.
Buffer numbers(const std::vector<std::uint16_t> &values, unsigned length_bytes);

/// A handshake message: type, length of three bytes, body.
Buffer handshake(std::uint8_t type, const Buffer &body);

using Extension = std::pair<std::uint16_t, Buffer>;

Extension server_name(std::string_view name);
Extension alpn(const std::vector<Buffer> &names);
Extension alpn(const std::vector<std::string> &names);

struct Hello {
    std::uint16_t version = 0x0303;
    Buffer session = Buffer(32, 5);
    bool datagram = false;
    Buffer cookie = {};
    std::vector<std::uint16_t> ciphers = {0x1301, 0xc02f};
    bool extended = true; ///< there are extensions, if none
    std::vector<Extension> extensions = {};
};

Buffer client_hello(const Hello &hello);

/// TLS records of one type, cut after so many bytes each.
Buffer records(const Buffer &content, std::size_t cut = 16384, std::uint8_t type = 22,
               std::uint16_t version = 0x0301);

/// A DTLS handshake record with one fragment of a message.
Buffer dtls_fragment(std::uint8_t type, std::uint16_t sequence, const Buffer &body,
                     std::size_t from, std::size_t size, std::uint64_t record = 0,
                     std::uint16_t version = 0xfefd);

} // namespace l7::test
