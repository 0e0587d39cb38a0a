// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/google_quic.hpp"

#include "core/base/reader.hpp"
#include "core/dissect/quic_packet.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace l7 {

namespace {

constexpr std::size_t kMaxTags = 128; // as the format bounds it
constexpr std::size_t kMaxText = 253;
constexpr std::size_t kReach = 96; // headers, hash, other frames before the CHLO
constexpr std::string_view kHello = "CHLO";
constexpr std::string_view kRejection("REJ\0", 4), kStatelessRejection = "SREJ";

// Flags of the public header, up to Q043.
constexpr unsigned kVersion = 0x01, kReset = 0x02, kId = 0x08, kMultipath = 0x40, kUnused = 0x80;

/// Little-endian, as all numbers of this format.
std::uint32_t little(Bytes bytes) {
    std::uint32_t out = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        out = out << 8 | bytes[i];
    return out;
}

std::string text(Bytes value) {
    const bool shown = std::ranges::all_of(value, [](auto c) { return c >= 0x20 && c < 0x7f; });
    return shown && value.size() <= kMaxText ? std::string(value.begin(), value.end())
                                             : std::string();
}

/// The message with this tag, not far into the datagram.
std::optional<Bytes> find_message(Bytes datagram, std::string_view tag) {
    const Bytes head = datagram.first(std::min(datagram.size(), kReach));
    const auto at = std::search(head.begin(), head.end(), tag.begin(), tag.end());
    if (at == head.end())
        return std::nullopt;
    return datagram.subspan(static_cast<std::size_t>(at - head.begin()));
}

} // namespace

std::optional<std::uint32_t> google_quic_version(Bytes datagram) {
    constexpr unsigned kLongHeader = 0x80; // from Q044 on
    Reader reader(datagram);
    const std::uint8_t flags = reader.u8();
    const bool long_header = flags & kLongHeader;
    if (!long_header) {
        if ((flags & (kVersion | kReset | kId | kMultipath)) != (kVersion | kId))
            return std::nullopt;
        reader.take(8);
    }
    const std::uint32_t version = reader.u32();
    if (!reader.ok() || version >> 24 != 'Q' || !is_google_quic_version(version))
        return std::nullopt;
    const bool fits = long_header
                          ? version >= google_version('Q', 44) && version <= google_version('Q', 49)
                          : version >= google_version('Q', 1) && version <= google_version('Q', 43);
    return fits ? std::optional(version) : std::nullopt;
}

Parse find_google_hello(Bytes datagram, GoogleHello &out) {
    const auto message = find_message(datagram, kHello);
    if (!message)
        return Parse::Wrong;
    const Parse state = parse_google_hello(*message, out);
    return state == Parse::Done ? state : Parse::Wrong;
}

bool is_google_rejection(Bytes datagram) {
    if (datagram.empty() || (datagram[0] & (kVersion | kReset | kId | kMultipath | kUnused)) != kId)
        return false;
    for (const std::string_view tag : {kRejection, kStatelessRejection})
        if (const auto message = find_message(datagram, tag)) {
            Reader reader(message->subspan(tag.size()));
            const std::uint32_t count = little(reader.take(2));
            const Bytes padding = reader.take(2);
            const Bytes first = reader.take(4);
            if (reader.ok() && count > 0 && count <= kMaxTags && little(padding) == 0 &&
                first[0] >= 'A' && first[0] <= 'Z')
                return true;
        }
    return false;
}

Parse parse_google_hello(Bytes message, GoogleHello &out) {
    constexpr std::size_t kEntry = 8; // tag, and where its value ends
    out = {};
    if (!std::ranges::equal(message.first(std::min(message.size(), kHello.size())),
                            kHello.substr(0, message.size())))
        return Parse::Wrong;
    Reader reader(message);
    reader.take(kHello.size());
    const std::uint32_t count = little(reader.take(2));
    reader.take(2);
    if (!reader.ok())
        return Parse::More;
    if (count == 0 || count > kMaxTags)
        return Parse::Wrong;
    const Bytes index = reader.take(count * kEntry);
    if (!reader.ok())
        return Parse::More;
    const Bytes values = reader.rest();
    std::uint32_t begin = 0;
    Parse state = Parse::Done;
    for (std::size_t i = 0; i < count; i++) {
        const Bytes tag = index.subspan(i * kEntry, 4);
        const std::uint32_t end = little(index.subspan(i * kEntry + 4, 4));
        if (end < begin || end > kMaxHello)
            return Parse::Wrong;
        if (end > values.size()) {
            state = Parse::More;
        } else {
            const Bytes value = values.subspan(begin, end - begin);
            if (std::ranges::equal(tag, std::string_view("SNI\0", 4)))
                out.server_name = text(value);
            else if (std::ranges::equal(tag, std::string_view("UAID")))
                out.user_agent = text(value);
        }
        begin = end;
    }
    return state;
}

} // namespace l7
