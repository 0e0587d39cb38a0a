// SPDX-License-Identifier: GPL-2.0-or-later
// Hellos, records and sealed QUIC packets for tests.
#pragma once

#include "core/dissect/quic_packet.hpp"
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

/// The variable-length integer of QUIC, in two bytes.
Buffer varint2(std::uint64_t value);
Buffer crypto_frame(std::size_t offset, const Buffer &data, std::uint8_t type = 6);

struct Initial {
    std::uint32_t version = 1;
    Buffer seed = {}; ///< the id that the keys are made of; empty: the destination
    Buffer dcid = hex("8394c8f03e515708");
    Buffer scid = {};
    Buffer token = {};
    std::uint32_t number = 0;
    unsigned number_size = 4;
    bool of_client = true;
    Buffer frames = {};
    std::size_t padded_to = 1200; ///< of the packet, with PADDING frames
};

/// The packet under its protection.
Buffer seal(const Initial &initial);

/// A long-header packet in the clear but for its bits: Retry, Version Negotiation, and the like.
Buffer long_header(std::uint8_t first, std::uint32_t version, const Buffer &dcid,
                   const Buffer &scid, const Buffer &rest);

} // namespace l7::test
