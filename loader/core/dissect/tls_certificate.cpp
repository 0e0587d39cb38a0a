// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/tls_certificate.hpp"

#include "core/base/reader.hpp"
#include "core/dissect/tls_types.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <openssl/x509v3.h>
#include <vector>

namespace l7 {

namespace {

constexpr std::uint8_t kCertificate = 11;

// Tags of DER (X.690, 8.1.2), and those that a certificate's parts have (RFC 5280, 4.1).
constexpr std::uint8_t kDerBoolean = 0x01, kDerSequence = 0x30, kDerExtensions = 0xa3;
constexpr std::array<std::uint8_t, 3> kSubjectAltName{0x55, 0x1d, 0x11};

struct FreeNames {
    void operator()(X509_NAME *name) const { X509_NAME_free(name); }
    void operator()(GENERAL_NAMES *names) const { GENERAL_NAMES_free(names); }
};

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

std::string_view text_in(const ASN1_STRING *from) {
    return text_of(
        Bytes(ASN1_STRING_get0_data(from), static_cast<std::size_t>(ASN1_STRING_length(from))));
}

/// The host that a name is; nothing where it is none.
std::string host_in(std::string_view name) {
    if (name.starts_with("*."))
        name.remove_prefix(2);
    const bool good =
        name.find('.') != std::string_view::npos && std::ranges::all_of(name, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   c == '-' || c == '.' || c == '_';
        });
    return good ? std::string(name) : std::string();
}

struct Element {
    std::uint8_t tag = 0;
    Bytes whole, content; ///< as far as they are there; whole has the tag and the length, too
};

Element next_element(Reader &reader) {
    const Bytes from = reader.rest();
    const std::size_t start = reader.at();
    Element out;
    out.tag = reader.u8();
    std::size_t size = reader.u8();
    if (size > 0x80) // the long form: so many bytes of length
        size = size == 0x81 ? reader.u8() : size == 0x82 ? reader.u16() : reader.u24();
    out.content = reader.take(std::min(size, reader.rest().size()));
    out.whole = from.first(reader.at() - start);
    return out;
}

/// The first host among the names of subjectAltName's value.
std::string host_among(Bytes value) {
    const unsigned char *at = value.data();
    const std::unique_ptr<GENERAL_NAMES, FreeNames> names(
        d2i_GENERAL_NAMES(nullptr, &at, static_cast<long>(value.size())));
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); i++)
        if (const GENERAL_NAME *one = sk_GENERAL_NAME_value(names.get(), i); one->type == GEN_DNS)
            if (std::string host = host_in(text_in(one->d.dNSName)); !host.empty())
                return host;
    return {};
}

std::string host_in_extensions(Bytes extensions) {
    Reader outer(extensions);
    Reader list(next_element(outer).content);
    while (!list.at_end()) {
        Reader parts(next_element(list).content);
        const Bytes id = next_element(parts).content;
        Element value = next_element(parts);
        if (value.tag == kDerBoolean)
            value = next_element(parts);
        if (std::ranges::equal(id, kSubjectAltName))
            return host_among(value.content);
    }
    return {};
}

std::string common_name(Bytes subject) {
    const unsigned char *data = subject.data();
    const std::unique_ptr<X509_NAME, FreeNames> names(
        d2i_X509_NAME(nullptr, &data, static_cast<long>(subject.size())));
    const int at = names ? X509_NAME_get_index_by_NID(names.get(), NID_commonName, -1) : -1;
    return at < 0 ? std::string()
                  : std::string(
                        text_in(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(names.get(), at))));
}

/// The name in a certificate or its head. OpenSSL reads the names; all that stands around them is
/// passed over here, as d2i_X509() would take 0.1 ms, which is most of it for the public key.
CertificateName name_in(Bytes certificate) {
    constexpr unsigned kSubject = 4; // behind the algorithm, the issuer and the validity
    Reader outer(certificate);
    Reader inner(next_element(outer).content);
    Reader fields(next_element(inner).content);
    CertificateName out;

    for (unsigned sequences = 0; out.host.empty() && !fields.at_end();) {
        const Element field = next_element(fields);
        if (field.tag == kDerSequence && ++sequences == kSubject) {
            out.subject = common_name(field.whole);
            out.host = host_in(out.subject);
        } else if (field.tag == kDerExtensions) {
            out.host = host_in_extensions(field.content);
        }
    }
    if (!out.host.empty() ||
        !std::ranges::all_of(out.subject, [](char c) { return c >= ' ' && c <= '~'; }))
        out.subject.clear();
    return out;
}

/// The message of certificates, whose first is of the server itself.
Parse read_first(Reader &message, CertificateName &name) {
    message.u24();
    const std::size_t size = message.u24();
    if (!message.ok())
        return Parse::More;
    const Bytes certificate = message.rest().first(std::min(size, message.rest().size()));
    name = name_in(certificate);
    return certificate.size() == size || !name.host.empty() ? Parse::Done : Parse::More;
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
        if (type == kCertificate)
            return read_first(reader, name);
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
