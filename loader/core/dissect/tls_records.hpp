// SPDX-License-Identifier: GPL-2.0-or-later
// TLS records (RFC 8446 section 5.1, RFC 5246 section 6.2) in one direction of a TCP connection.
#pragma once

#include "core/base/bytes.hpp"
#include "core/dissect/tls_hello.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace l7 {

/// What a direction begins with.
struct TlsStart {
    std::uint16_t record_version = 0;  ///< of the first record
    std::vector<std::uint8_t> message; ///< the first handshake message or what there is of it, with
                                       ///< its header; an SSLv2 hello with its record header
    bool ssl2 = false;                 ///< message is for parse_ssl2_client_hello
    std::optional<std::uint8_t> alert; ///< the direction begins with this refusal instead
};

/// Looks at the first bytes of a direction, in order; `stream` is all that came so far. Done: the
/// message is whole (a ClientHello, a ServerHello) or `alert` is set. The message may be spread
/// over any number of records. Bounded by kMaxHello; a longer one is Wrong.
Parse read_tls_start(Bytes stream, TlsStart &out);

/// Whether bytes out of the middle of a connection are TLS: several records in a row whose headers
/// agree, from the first byte on or, with one more of them, from a later one. Random bytes pass in
/// one of 2^35 cases at most.
bool looks_like_tls_record_stream(Bytes stream);

} // namespace l7
