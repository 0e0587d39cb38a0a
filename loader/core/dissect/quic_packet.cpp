// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/quic_packet.hpp"

#include "core/base/reader.hpp"

#include <algorithm>
#include <array>

namespace l7 {

namespace {

constexpr std::size_t kMaxId = 20;
constexpr std::size_t kRetryTag = 16;

using Salt = std::array<std::uint8_t, 20>;

constexpr Salt kSaltDraft22{0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
                            0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a};
constexpr Salt kSaltDraft23{0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                            0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};
constexpr Salt kSaltDraft29{0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                            0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
constexpr Salt kSalt1{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                      0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr Salt kSalt2{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                      0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
constexpr Salt kSalt2Draft{0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
                           0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3};
constexpr Salt kSaltQ050{0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94,
                         0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45};
constexpr Salt kSaltT050{0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
                         0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10};
constexpr Salt kSaltT051{0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
                         0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d};

constexpr std::array<QuicVersion, 12> kVersions{{
    {1, 1, kSalt1, "quic "},
    {0x6b3343cf, 0x6b3343cf, kSalt2, "quicv2 ", true},
    {0x709a50c4, 0x709a50c4, kSalt2Draft, "quicv2 ", true},
    {0xff000021, 0xff000022, kSalt1, "quic "},
    {0xff00001d, 0xff000020, kSaltDraft29, "quic "},
    {0xff000017, 0xff00001c, kSaltDraft23, "quic "},
    {0xff000015, 0xff000016, kSaltDraft22, "quic "},
    // Facebook's numbers for what it ran of the drafts.
    {0xfaceb001, 0xfaceb001, kSaltDraft22, "quic "},
    {0xfaceb002, 0xfaceb013, kSaltDraft23, "quic "},
    {google_version('Q', 50), google_version('Q', 50), kSaltQ050, "quic ", false, true},
    {google_version('T', 50), google_version('T', 50), kSaltT050, "quic ", false, true},
    {google_version('T', 51), google_version('T', 51), kSaltT051, "quic ", false, true},
}};

QuicType type_of(std::uint8_t first, bool types_of_2) {
    constexpr std::array kOrder{QuicType::Initial, QuicType::ZeroRtt, QuicType::Handshake,
                                QuicType::Retry};
    const unsigned bits = first >> 4 & 3U;
    return kOrder[types_of_2 ? (bits + 3) % 4 : bits];
}

} // namespace

const QuicVersion *quic_version(std::uint32_t number) {
    const auto found = std::ranges::find_if(kVersions, [&](const QuicVersion &version) {
        return number >= version.first && number <= version.last;
    });
    return found == kVersions.end() ? nullptr : &*found;
}

bool is_google_quic_version(std::uint32_t number) {
    const auto digit = [&](unsigned shift) {
        const unsigned c = number >> shift & 0xff;
        return c >= '0' && c <= '9';
    };
    const unsigned letter = number >> 24;
    return (letter == 'Q' || letter == 'T') && (number >> 16 & 0xff) == '0' && digit(8) && digit(0);
}

std::optional<QuicPacket> read_quic_packet(Bytes datagram) {
    Reader reader(datagram);
    const std::uint8_t first = reader.u8();
    QuicPacket packet;
    packet.version = reader.u32();
    const std::size_t dcid = reader.u8();
    packet.dcid = reader.take(dcid);
    const std::size_t scid = reader.u8();
    packet.scid = reader.take(scid);
    if (!reader.ok() || (first & 0x80) == 0 || dcid > kMaxId || scid > kMaxId)
        return std::nullopt;
    packet.whole = datagram;
    packet.number = reader.at();
    if (packet.version == 0) {
        packet.type = QuicType::VersionNegotiation;
        return reader.at_end() || reader.rest().size() % 4 != 0 ? std::nullopt
                                                                : std::optional(packet);
    }
    const QuicVersion *version = quic_version(packet.version);
    if (!version)
        return packet;
    if ((first & 0x40) == 0)
        return std::nullopt;
    packet.type = type_of(first, version->types_of_2);
    if (packet.type == QuicType::Retry)
        return reader.rest().size() > kRetryTag ? std::optional(packet) : std::nullopt;
    if (packet.type == QuicType::Initial) {
        const std::uint64_t token = reader.varint();
        if (token > reader.rest().size())
            return std::nullopt;
        reader.take(static_cast<std::size_t>(token));
    }
    const std::uint64_t length = reader.varint();
    if (!reader.ok() || length == 0 || length > reader.rest().size())
        return std::nullopt;
    packet.number = reader.at();
    packet.whole = datagram.first(reader.at() + static_cast<std::size_t>(length));
    return packet;
}

} // namespace l7
