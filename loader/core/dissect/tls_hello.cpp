// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/tls_hello.hpp"

#include "core/base/reader.hpp"
#include "core/dissect/ja4.hpp"

#include <algorithm>
#include <array>

namespace l7 {

namespace {

enum Extension : std::uint16_t {
    kServerName = 0,
    kSignatureAlgorithms = 13,
    kAlpn = 16,
    kSessionTicket = 35,
    kPreSharedKey = 41,
    kEarlyData = 42,
    kSupportedVersions = 43,
    kQuicParameters = 57,
    kEncryptedClientHello = 0xfe0d,
    kEncryptedServerName = 0xffce, // before it, until 2020
    kDraftQuicParameters = 0xffa5,
};

constexpr std::size_t kHelloHeader = 4;
constexpr std::size_t kRandom = 32;
constexpr std::size_t kMaxSessionId = 32;
constexpr std::size_t kMaxHostName = 253;

/// The random that makes a ServerHello a HelloRetryRequest (RFC 8446 section 4.1.3).
constexpr std::array<std::uint8_t, kRandom> kRetryRandom{
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

/// 0x0100 is what OpenSSL before 0.9.8f, and AnyConnect to this day, call DTLS 1.0.
bool version_fits(std::uint16_t version, TlsOver over) {
    if (over == TlsOver::Datagram)
        return version == 0xfeff || version == 0xfefd || version == 0xfefc || version == 0x0100;
    return version >> 8 == 3 && (version & 0xff) <= 4;
}

/// Whether `a` is a later version than `b`; those of DTLS count downwards.
bool later(std::uint16_t a, std::uint16_t b, TlsOver over) {
    return over == TlsOver::Datagram ? a < b : a > b;
}

/// A host name as it may be shown and compared, or "". Letters, digits and what names, and the
/// addresses that some clients send against the rule, are made of.
std::string host_name(Bytes raw) {
    if (!raw.empty() && raw.back() == '.')
        raw = raw.first(raw.size() - 1);
    if (raw.empty() || raw.size() > kMaxHostName)
        return {};
    std::string out;
    for (const std::uint8_t byte : raw) {
        const char c = static_cast<char>(byte);
        if (c >= 'A' && c <= 'Z')
            out += static_cast<char>(c + ('a' - 'A'));
        else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                 c == '_' || c == ':')
            out += c;
        else
            return {};
    }
    return out;
}

bool printable(Bytes text) {
    return std::ranges::all_of(text, [](std::uint8_t c) { return c > 0x20 && c < 0x7f; });
}

std::string string_of(Bytes text) {
    return {text.begin(), text.end()};
}

void read_server_name(Bytes data, ClientHello &out) {
    Reader outer(data);
    Reader list(outer.vector(2));
    while (list.ok() && !list.at_end()) {
        const std::uint8_t type = list.u8();
        const Bytes name = list.vector(2);
        if (list.ok() && type == 0) {
            out.server_name = host_name(name);
            return;
        }
    }
}

void read_alpn(Bytes data, std::vector<std::string> &names, std::vector<std::uint8_t> &first) {
    Reader outer(data);
    Reader list(outer.vector(2));
    bool any = false;
    while (list.ok() && !list.at_end()) {
        const Bytes name = list.vector(1);
        if (!list.ok())
            return;
        if (name.size() == 2 && is_grease(static_cast<std::uint16_t>(name[0] << 8 | name[1])))
            continue;
        if (!any)
            first.assign(name.begin(), name.end());
        any = true;
        if (!name.empty() && printable(name) && names.size() < kMaxAlpn)
            names.push_back(string_of(name));
    }
}

/// A list of numbers without GREASE.
std::vector<std::uint16_t> numbers(Bytes list) {
    std::vector<std::uint16_t> out;
    for (Reader reader(list); reader.rest().size() >= 2;)
        if (const std::uint16_t value = reader.u16(); !is_grease(value))
            out.push_back(value);
    return out;
}

/// JA4 takes the highest number; the best version is the highest that is no draft's.
void read_versions(Bytes data, ClientHello &out, Ja4Input &print, TlsOver over) {
    Reader reader(data);
    std::uint16_t highest = 0, best = 0;
    for (const std::uint16_t version : numbers(reader.vector(1))) {
        if (highest == 0 || later(version, highest, over))
            highest = version;
        if (version_fits(version, over) && (best == 0 || later(version, best, over)))
            best = version;
    }
    if (highest != 0) {
        print.version = highest;
        out.version = best != 0 ? best : highest;
    }
}

void read_extension(std::uint16_t type, Bytes data, ClientHello &out, Ja4Input &print,
                    TlsOver over) {
    switch (type) {
    case kServerName:
        print.server_name = true;
        read_server_name(data, out);
        break;
    case kAlpn:
        read_alpn(data, out.alpn, print.first_alpn);
        break;
    case kSupportedVersions:
        read_versions(data, out, print, over);
        break;
    case kSignatureAlgorithms:
        if (data.size() >= 2)
            print.signature_algorithms = numbers(Reader(data).vector(2));
        break;
    case kSessionTicket:
        out.session_ticket = !data.empty();
        break;
    case kPreSharedKey:
        out.psk = true;
        break;
    case kEarlyData:
        out.early_data = true;
        break;
    case kQuicParameters:
    case kDraftQuicParameters:
        out.quic_parameters = true;
        break;
    case kEncryptedClientHello:
    case kEncryptedServerName:
        out.ech = true;
        break;
    default:
        break;
    }
    if (!is_grease(type))
        print.extensions.push_back(type);
}

/// The body of a handshake message, as much of it as there is.
class Message {
  public:
    Message(Bytes message, std::uint8_t type, std::size_t least) : reader_({}) {
        Reader header(message);
        const std::uint8_t got = header.u8();
        if (header.ok() && got != type)
            state_ = Parse::Wrong;
        const std::size_t size = header.u24();
        if (state_ == Parse::Wrong || !header.ok())
            return;
        if (size < least || size > kMaxHello - kHelloHeader) {
            state_ = Parse::Wrong;
            return;
        }
        size_ = size;
        reader_ = Reader(header.rest().first(std::min(size, header.rest().size())));
        state_ = header.rest().size() >= size ? Parse::Done : Parse::More;
        usable_ = true;
    }

    bool usable() const { return usable_; }
    Reader &body() { return reader_; }
    /// Bytes to the message's end, whether they are there or not.
    std::size_t to_come() const { return size_ - reader_.at(); }
    /// What running out of bytes means.
    Parse ran_out() const { return state_ == Parse::Done ? Parse::Wrong : state_; }
    Parse state() const { return state_; }

  private:
    Reader reader_;
    std::size_t size_ = 0;
    Parse state_ = Parse::More;
    bool usable_ = false;
};

/// Walks the extensions, which fill the message to its end; hellos before 1.2 may have none.
template <class Each>
Parse walk_extensions(Message &message, Each each) {
    Reader &body = message.body();
    if (message.to_come() == 0)
        return Parse::Done;
    const std::size_t size = body.u16();
    if (!body.ok())
        return message.ran_out();
    if (size != message.to_come())
        return Parse::Wrong;
    while (message.to_come() > 0) {
        const std::uint16_t type = body.u16();
        const std::size_t length = body.u16();
        if (!body.ok())
            return message.ran_out();
        if (length > message.to_come())
            return Parse::Wrong;
        const Bytes data = body.take(length);
        if (!body.ok())
            return message.ran_out();
        each(type, data);
    }
    return Parse::Done;
}

} // namespace

Parse parse_client_hello(Bytes bytes, ClientHello &out, TlsOver over) {
    out = {};
    // version, random, an empty session id, one cipher, one compression
    Message message(bytes, kClientHello, 2 + kRandom + 1 + 4 + 2);
    if (!message.usable())
        return message.state();

    Reader &body = message.body();
    out.legacy_version = out.version = body.u16();
    if (body.ok() && !version_fits(out.version, over))
        return Parse::Wrong;
    body.take(kRandom);
    const std::size_t session = body.u8();
    if (session > kMaxSessionId)
        return Parse::Wrong;
    out.session_id = session > 0;
    body.take(session);
    if (over == TlsOver::Datagram)
        body.vector(1); // the cookie
    const std::size_t cipher_bytes = body.u16();
    if (body.ok() &&
        (cipher_bytes < 2 || cipher_bytes % 2 != 0 || cipher_bytes > message.to_come()))
        return Parse::Wrong;
    const Bytes ciphers = body.take(cipher_bytes);
    const Bytes compressions = body.vector(1);
    if (!body.ok())
        return message.ran_out();
    if (compressions.empty())
        return Parse::Wrong;

    Ja4Input print;
    print.version = out.version;
    const Parse state = walk_extensions(message, [&](std::uint16_t type, Bytes data) {
        read_extension(type, data, out, print, over);
    });
    if (state != Parse::Done)
        return state;
    print.transport = static_cast<char>(over);
    print.ciphers = numbers(ciphers);
    out.print = std::move(print);
    return Parse::Done;
}

Parse parse_server_hello(Bytes bytes, ServerHello &out, TlsOver over) {
    out = {};
    // version, random, an empty session id, cipher, compression
    Message message(bytes, kServerHello, 2 + kRandom + 1 + 2 + 1);
    if (!message.usable())
        return message.state();

    Reader &body = message.body();
    out.legacy_version = out.version = body.u16();
    if (body.ok() && !version_fits(out.version, over))
        return Parse::Wrong;
    const Bytes random = body.take(kRandom);
    out.hello_retry = std::ranges::equal(random, kRetryRandom);
    const std::size_t session = body.u8();
    if (session > kMaxSessionId)
        return Parse::Wrong;
    body.take(session);
    out.cipher = body.u16();
    body.u8();
    if (!body.ok())
        return message.ran_out();
    return walk_extensions(message, [&](std::uint16_t type, Bytes data) {
        if (type == kSupportedVersions && data.size() == 2)
            out.version = Reader(data).u16();
        if (type == kAlpn) {
            std::vector<std::string> names;
            std::vector<std::uint8_t> first;
            read_alpn(data, names, first);
            if (!names.empty())
                out.alpn = names.front();
        }
    });
}

Parse parse_ssl2_client_hello(Bytes record, ClientHello &out) {
    constexpr std::uint16_t kTwoByteHeader = 0x8000;
    constexpr std::size_t kFixed = 9; // type, version, three lengths
    out = {};
    Reader head(record);
    const std::uint16_t length = head.u16();
    const std::uint8_t type = head.u8();
    out.legacy_version = out.version = head.u16();
    const std::size_t ciphers = head.u16(), session = head.u16(), challenge = head.u16();
    if (!record.empty() && (record[0] & 0x80) == 0)
        return Parse::Wrong;
    if (record.size() >= 3 && record[2] != kClientHello)
        return Parse::Wrong;
    if (!head.ok())
        return Parse::More;
    const std::size_t size = length & ~kTwoByteHeader;
    if (type != kClientHello || (out.version != 0x0002 && !version_fits(out.version, TlsOver::Tcp)))
        return Parse::Wrong;
    if (size != kFixed + ciphers + session + challenge || ciphers == 0 || ciphers % 3 != 0 ||
        (session != 0 && session != 16 && session != 32) || challenge < 16 || challenge > 32)
        return Parse::Wrong;
    out.session_id = session != 0;
    return record.size() >= 2 + size ? Parse::Done : Parse::More;
}

} // namespace l7
