// SPDX-License-Identifier: GPL-2.0-or-later
// ClientHello and ServerHello: RFC 8446, 5246, 6066 (server name), 7301 (ALPN), 8701 (GREASE), and
// DTLS's cookie (RFC 6347, 9147).
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/parse.hpp"
#include "core/dissect/ja4.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace l7 {

/// How the handshake travels; the letter that JA4 writes.
enum class TlsOver : char { Tcp = 't', Quic = 'q', Datagram = 'd' };

/// Handshake messages with their header; a hello with two post-quantum keys has 4 KiB at most.
inline constexpr std::size_t kMaxHello = 1U << 14;
inline constexpr std::size_t kMaxAlpn = 8; ///< protocols kept of one hello; JA4 sees all of it

inline constexpr std::uint8_t kClientHello = 1;
inline constexpr std::uint8_t kServerHello = 2;

struct ClientHello {
    std::string server_name;          ///< lower case, "" where there is none or it is no host name
    std::vector<std::string> alpn;    ///< in the client's order; what is not printable is left out
    std::uint16_t legacy_version = 0; ///< as in the hello's head
    std::uint16_t version = 0;        ///< the best one offered, a draft's where there is no other
    bool ech = false;            ///< Encrypted Client Hello, genuine or GREASE; its forerunner too
    bool session_id = false;     ///< not empty; 1.3 sends one for middleboxes
    bool session_ticket = false; ///< resumes with a ticket of 1.2
    bool psk = false;            ///< resumes as in 1.3
    bool early_data = false;
    bool quic_parameters = false; ///< the hello was made for QUIC
    Ja4Input print;               ///< set with Parse::Done, but for SSLv2's format

    /// The fingerprint, made when it is asked for: it takes longer than the rest.
    std::string ja4() const { return print.transport ? l7::ja4(print) : std::string(); }
};

struct ServerHello {
    std::uint16_t legacy_version = 0;
    std::uint16_t version = 0; ///< the one chosen
    std::uint16_t cipher = 0;
    std::string alpn; ///< up to 1.2; later ones encrypt it
    bool hello_retry = false;
};

/// Reads one handshake message from its type and length on; bytes behind it are ignored. With
/// Parse::More everything up to the end of the bytes is filled in already, so that a hello that was
/// cut off can still give its name; with Parse::Wrong what is filled in means nothing. Bounds:
/// kMaxHello, and what is noted at the fields.
Parse parse_client_hello(Bytes message, ClientHello &out, TlsOver over);
Parse parse_server_hello(Bytes message, ServerHello &out, TlsOver over);

/// The ClientHello in the format of SSLv2 that old clients send to offer SSLv3 and later (RFC 5246
/// appendix E.2), from its record header of two bytes on.
Parse parse_ssl2_client_hello(Bytes record, ClientHello &out);

} // namespace l7
