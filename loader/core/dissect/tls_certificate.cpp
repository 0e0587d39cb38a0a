// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/tls_certificate.hpp"

#include "core/base/reader.hpp"
#include "core/dissect/tls_types.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace l7 {

namespace {

constexpr std::uint8_t kCertificate = 11;
constexpr std::array<std::uint8_t, 5> kSubjectAltName{0x06, 0x03, 0x55, 0x1d, 0x11};
constexpr std::array<std::uint8_t, 5> kCommonName{0x06, 0x03, 0x55, 0x04, 0x03};
constexpr std::uint8_t kDnsName = 0x82; // [2] IA5String in GeneralName

/// What the handshake records carry, as far as it is there.
std::vector<std::uint8_t> handshake_of(Bytes stream) {
    std::vector<std::uint8_t> out;
    for (std::size_t at = 0; at + 5 <= stream.size() && out.size() < kMaxHello;) {
        const std::size_t size = std::size_t{stream[at + 3]} << 8 | stream[at + 4];
        if (stream[at] != kTlsHandshake)
            break;
        const Bytes part = stream.subspan(at + 5, std::min(size, stream.size() - at - 5));
        out.insert(out.end(), part.begin(), part.end());
        at += 5 + size;
    }
    return out;
}

/// A field of DER: short form of length (X.690, 8.1.3.4), or of one byte more.
std::string_view text_at(Bytes field) {
    Reader reader(field);
    std::size_t size = reader.u8();
    if (size == 0x81)
        size = reader.u8();
    return text_of(reader.take(size));
}

std::string host_at(Bytes field) {
    std::string_view text = text_at(field);
    if (text.starts_with("*."))
        text.remove_prefix(2);
    const bool good = !text.empty() && text.find('.') != std::string_view::npos &&
                      std::ranges::all_of(text, [](char c) {
                          return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                                 (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
                      });
    return good ? std::string(text) : std::string();
}

/// What follows the first such object identifier; nothing where there is none.
Bytes after(Bytes data, const std::array<std::uint8_t, 5> &oid) {
    const auto at = std::search(data.begin(), data.end(), oid.begin(), oid.end());
    return at == data.end()
               ? Bytes()
               : data.subspan(static_cast<std::size_t>(at - data.begin()) + oid.size());
}

/// The first DNS name of subjectAltName.
std::string alternative_name(Bytes certificate) {
    // Some bytes of BOOLEAN, OCTET STRING and SEQUENCE stand before the first name.
    const Bytes behind = after(certificate, kSubjectAltName);
    const Bytes near = behind.first(std::min<std::size_t>(32, behind.size()));
    const auto tag = std::find(near.begin(), near.end(), kDnsName);
    return tag == near.end()
               ? std::string()
               : host_at(behind.subspan(static_cast<std::size_t>(tag - near.begin()) + 1));
}

/// The subject's common name: the second, as the issuer's comes first (RFC 5280, 4.1).
void read_common_name(Bytes certificate, CertificateName &name) {
    const Bytes subject = after(after(certificate, kCommonName), kCommonName);
    if (subject.empty())
        return;
    const Bytes field = subject.subspan(1); // behind the kind of string
    name.host = host_at(field);
    const std::string_view text = text_at(field);
    if (name.host.empty() && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; }))
        name.subject = text;
}

} // namespace

Parse read_certificate_name(Bytes server_stream, CertificateName &name) {
    const std::vector<std::uint8_t> messages = handshake_of(server_stream);
    Reader reader(messages);

    if (!server_stream.empty() && server_stream[0] != kTlsHandshake)
        return Parse::Wrong;
    for (;;) {
        const Bytes from = reader.rest();
        const std::uint8_t type = reader.u8();
        const std::size_t size = reader.u24();
        if (!reader.ok())
            return Parse::More;
        if (type == kCertificate) {
            reader.u24();
            const std::size_t first = reader.u24();
            if (!reader.ok())
                return Parse::More;
            const Bytes left = reader.rest();
            const Bytes certificate = left.first(std::min(first, left.size()));
            name.host = alternative_name(certificate);
            if (name.host.empty() && certificate.size() == first)
                read_common_name(certificate, name);
            return !name.host.empty() || certificate.size() == first ? Parse::Done : Parse::More;
        }
        ServerHello hello;
        if (type == kServerHello && parse_server_hello(from, hello, TlsOver::Tcp) == Parse::Done &&
            hello.version >= 0x0304)
            return Parse::Wrong;
        if (size > kMaxHello)
            return Parse::Wrong;
        reader.take(size);
        if (!reader.ok())
            return Parse::More;
    }
}

} // namespace l7
