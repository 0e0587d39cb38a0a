// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/smb_messages.hpp"

#include "core/base/reader.hpp"

#include <algorithm>
#include <cstdint>

namespace l7 {

namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxDialects = 16;
constexpr std::size_t kMaxDialect = 32;
constexpr unsigned kMaxChained = 4;
constexpr unsigned kMaxContexts = 16;

Bytes from(Bytes data, std::size_t at) {
    return data.subspan(std::min(at, data.size()));
}

/// Text up to its NUL. What is not ASCII, or could not be in a name, makes it empty.
std::string plain_name(Bytes data, bool unicode) {
    const std::size_t step = unicode ? 2 : 1;
    std::string out;
    for (std::size_t at = 0; at + step <= data.size(); at += step) {
        const std::uint8_t c = data[at];
        const bool wide = unicode && data[at + 1] != 0;
        if (c == 0 && !wide)
            break;
        if (wide || c <= ' ' || c > '~' || out.size() == kMaxName)
            return {};
        out += static_cast<char>(c);
    }
    return out;
}

/// The server of \\server\share.
void note_path(std::string_view path, SmbSession &session) {
    if (!path.starts_with("\\\\") || !session.server.empty())
        return;
    path.remove_prefix(2);
    session.server = path.substr(0, path.find('\\'));
}

// Version 1

constexpr std::uint8_t kNegotiate1 = 0x72, kSessionSetup1 = 0x73, kTreeConnect1 = 0x75;
constexpr std::uint8_t kResponse1 = 0x80;
constexpr std::uint16_t kUnicode1 = 0x8000;
constexpr std::size_t kNtWords = 17; // only the response that chooses NT LM 0.12 has so many

/// [MS-CIFS] 2.2.4.52.1: names, each between 2 and NUL.
void read_offer(Bytes bytes, SmbSession &session) {
    session.offered.clear();
    while (!bytes.empty() && bytes[0] == 2 && session.offered.size() < kMaxDialects) {
        const std::string_view text = text_of(bytes.subspan(1));
        const std::size_t end = text.find('\0');
        if (end == std::string_view::npos)
            return;
        const std::string_view name = text.substr(0, std::min(end, kMaxDialect));
        const bool plain = std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; });
        session.offered.emplace_back(plain ? name : "?");
        bytes = bytes.subspan(end + 2);
    }
}

void read_choice(Bytes words, SmbSession &session) {
    constexpr std::uint16_t kNone = 0xffff;
    const std::uint16_t index = Reader(words).le16();
    if (words.size() < 2 || index == kNone)
        return;
    if (index < session.offered.size())
        session.dialect = session.offered[index];
    else if (words.size() == 2 * kNtWords)
        session.dialect = "NT LM 0.12";
}

/// [MS-CIFS] 2.2.4.55.1. In Unicode the path begins at an even place of the message.
void read_tree_connect1(Bytes words, Bytes bytes, std::size_t bytes_at, bool unicode,
                        SmbSession &session) {
    Reader reader(words);
    reader.take(6);
    std::size_t at = reader.le16();
    if (unicode)
        at += (bytes_at + at) % 2;
    if (reader.ok())
        note_path(plain_name(from(bytes, at), unicode), session);
}

} // namespace

void read_smb1(Bytes message, SmbSession &session) {
    Reader header(message);
    header.take(4);
    std::uint8_t command = header.u8();
    header.le32(); // status
    const bool response = (header.u8() & kResponse1) != 0;
    const bool unicode = (header.le16() & kUnicode1) != 0;
    std::size_t at = kSmb1Header;

    for (unsigned chained = 0; chained < kMaxChained; chained++) {
        Reader reader(from(message, at));
        const Bytes words = reader.take(std::size_t{2} * reader.u8());
        const std::size_t size = reader.le16();
        const std::size_t bytes_at = at + reader.at();
        if (!reader.ok())
            return;
        const Bytes bytes = reader.take(std::min(size, reader.rest().size()));
        if (command == kNegotiate1)
            return response ? read_choice(words, session) : read_offer(bytes, session);
        if (response)
            return;
        if (command == kTreeConnect1)
            read_tree_connect1(words, bytes, bytes_at, unicode, session);
        session.set_up |= command != kSessionSetup1;
        // SESSION_SETUP_ANDX may have another command behind it ([MS-CIFS] 2.2.3.4).
        if (command != kSessionSetup1 || words.size() < 4)
            return;
        command = words[0];
        const std::size_t next = Reader(words.subspan(2)).le16();
        if (next <= at || next >= message.size())
            return;
        at = next;
    }
}

// Versions 2 and 3

namespace {

constexpr std::uint16_t kNegotiate2 = 0, kSessionSetup2 = 1, kTreeConnect2 = 3;
constexpr std::uint32_t kResponse2 = 1;
constexpr std::uint16_t kDialect311 = 0x0311;
constexpr std::uint16_t kNetname = 5;

std::string_view dialect_name(std::uint16_t revision) {
    switch (revision) {
    case 0x0202:
        return "2.0.2";
    case 0x0210:
        return "2.1";
    case 0x0300:
        return "3.0";
    case 0x0302:
        return "3.0.2";
    case kDialect311:
        return "3.1.1";
    default: // 0x02ff asks for another NEGOTIATE
        return "";
    }
}

/// [MS-SMB2] 2.2.3: of 3.1.1 the offer may have the server's name among its contexts.
void read_negotiate2(Bytes message, SmbSession &session) {
    Reader body(from(message, kSmb2Header));
    body.le16();
    const std::size_t dialects = body.le16();
    body.take(24); // security mode, capabilities, the client's GUID
    std::size_t at = body.le32();
    const unsigned contexts = body.le16();
    body.le16();
    bool has_contexts = false;
    for (std::size_t i = 0; i < dialects && body.ok(); i++)
        has_contexts |= body.le16() == kDialect311;
    if (!body.ok() || !has_contexts)
        return;
    for (unsigned i = 0; i < std::min(contexts, kMaxContexts); i++) {
        Reader context(from(message, at));
        const std::uint16_t type = context.le16();
        const std::size_t size = context.le16();
        context.le32();
        const Bytes data = context.take(size);
        if (!context.ok())
            return;
        if (type == kNetname && session.server.empty())
            session.server = plain_name(data, true);
        at += (context.at() + 7) / 8 * 8;
    }
}

/// [MS-SMB2] 2.2.9.
void read_tree_connect2(Bytes message, SmbSession &session) {
    Reader body(from(message, kSmb2Header));
    body.le32(); // size, flags
    const std::size_t at = body.le16();
    const std::size_t size = body.le16();
    const Bytes path = from(message, at);
    if (body.ok() && size <= path.size())
        note_path(plain_name(path.first(size), true), session);
}

void read_one2(Bytes message, std::uint16_t command, bool response, SmbSession &session) {
    if (response) {
        Reader body(from(message, kSmb2Header));
        body.le32(); // size, security mode
        if (command == kNegotiate2)
            session.dialect = dialect_name(body.le16());
        return;
    }
    if (command == kNegotiate2)
        read_negotiate2(message, session);
    else if (command == kTreeConnect2)
        read_tree_connect2(message, session);
    session.set_up |= command > kSessionSetup2;
}

} // namespace

void read_smb2(Bytes message, SmbSession &session) {
    for (unsigned chained = 0; chained < kMaxChained; chained++) {
        Reader header(message);
        header.take(12);
        const std::uint16_t command = header.le16();
        header.le16(); // credits
        const bool response = (header.le32() & kResponse2) != 0;
        const std::size_t next = header.le32();
        if (message.size() < kSmb2Header)
            return;
        read_one2(next < message.size() && next >= kSmb2Header ? message.first(next) : message,
                  command, response, session);
        if (next < kSmb2Header || next >= message.size())
            return;
        message = message.subspan(next);
    }
}

} // namespace l7
