// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/dtls_hello.hpp"

#include "core/base/reader.hpp"
#include "core/dissect/tls_types.hpp"

#include <vector>

namespace l7 {

namespace {

constexpr std::size_t kMessageHeader = 4; // as parse_client_hello wants it
constexpr std::size_t kGlance =
    64; // an unfinished hello is parsed up to here only: it costs a copy
constexpr std::size_t kMaxFragment = 1U << 14;

bool version_fits(std::uint16_t version) {
    return version == 0xfeff || version == 0xfefd || version == 0x0100;
}

/// Handshake types that RFC 5246, 6347 and 8446 and their extensions define.
bool is_handshake_type(std::uint8_t type) {
    return type <= 6 || type == 8 || (type >= 11 && type <= 16) || (type >= 20 && type <= 25);
}

/// The message as TLS would send it: type, length, body.
std::vector<std::uint8_t> joined(std::uint8_t type, std::uint32_t size, Bytes body) {
    std::vector<std::uint8_t> out;
    out.reserve(kMessageHeader + body.size());
    out.push_back(type);
    for (const unsigned shift : {16U, 8U, 0U})
        out.push_back(static_cast<std::uint8_t>(size >> shift));
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

} // namespace

Parse DtlsHello::add(Bytes datagram) {
    Reader reader(datagram);
    while (!reader.at_end()) {
        const std::uint8_t type = reader.u8();
        const std::uint16_t version = reader.u16();
        const std::uint16_t epoch = reader.u16();
        reader.take(6); // sequence number
        const Bytes content = reader.vector(2);
        // Encrypted records of 1.3 have a header of their own; nothing behind one is of interest.
        if (!reader.ok() || !version_fits(version) || type < kTlsChangeCipherSpec ||
            type > kTlsAck || content.empty() || content.size() > kMaxFragment + 2048)
            break;
        if (!record(type, epoch, content))
            break;
        records_++;
    }
    if (client() || server())
        return Parse::Done;
    return records_ > 0 ? Parse::More : Parse::Wrong;
}

bool DtlsHello::record(std::uint8_t type, std::uint16_t epoch, Bytes content) {
    return type != kTlsHandshake || epoch != 0 || handshake(content);
}

bool DtlsHello::handshake(Bytes content) {
    Reader reader(content);
    while (!reader.at_end()) {
        Fragment fragment{};
        fragment.type = reader.u8();
        fragment.size = reader.u24();
        fragment.sequence = reader.u16();
        fragment.offset = reader.u24();
        fragment.data = reader.vector(3);
        if (!reader.ok() || !is_handshake_type(fragment.type) ||
            fragment.data.size() + fragment.offset > fragment.size)
            return false;
        bool right = true;
        if (fragment.type == kClientHello)
            right = collect(client_, fragment, parse_client_hello);
        else if (fragment.type == kServerHello)
            right = collect(server_, fragment, parse_server_hello);
        if (!right)
            return false;
    }
    return true;
}

template <class Hello>
bool DtlsHello::collect(Side<Hello> &side, const Fragment &fragment,
                        Parse (*parse)(Bytes, Hello &, TlsOver)) {
    if (fragment.size > kMaxHello - kMessageHeader)
        return false;
    // The hello after a HelloVerifyRequest is another message, with the next number.
    if (side.sequence != fragment.sequence || side.size != fragment.size) {
        side.pieces.clear();
        side.sequence = fragment.sequence;
        side.size = fragment.size;
    }
    const bool grew = side.pieces.add(fragment.offset, fragment.data);
    const Bytes body = side.pieces.prefix();
    if (body.size() < side.size && (!grew || body.size() > kGlance))
        return true;
    Hello hello;
    switch (parse(joined(fragment.type, fragment.size, body), hello, TlsOver::Datagram)) {
    case Parse::Done:
        side.hello = std::move(hello);
        side.pieces.clear();
        return true;
    case Parse::More:
        return true;
    case Parse::Wrong:
        break;
    }
    side.pieces.clear();
    return false;
}

ClientHello DtlsHello::partial_client() const {
    if (client_.hello)
        return *client_.hello;
    ClientHello out;
    (void)parse_client_hello(joined(kClientHello, client_.size, client_.pieces.prefix()), out,
                             TlsOver::Datagram);
    return out;
}

} // namespace l7
