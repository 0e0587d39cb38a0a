// SPDX-License-Identifier: GPL-2.0-or-later
// Google's QUIC before it took to TLS: the public header, and the CHLO in which a client names the
// server ("QUIC Wire Layout Specification", "QUIC Crypto").
#pragma once

#include "core/base/bytes.hpp"
#include "core/dissect/tls_hello.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace l7 {

struct GoogleHello {
    std::string server_name;
    std::string user_agent;
};

/// The version that the first bytes of a datagram name: Q024 to Q043 behind flags and a connection
/// id of eight bytes, Q044 to Q049 behind a first byte with the high bit. None for anything else.
std::optional<std::uint32_t> google_quic_version(Bytes datagram);

/// Finds the CHLO in such a datagram, which carries it in the clear. Done or Wrong.
Parse find_google_hello(Bytes datagram, GoogleHello &out);

/// Whether a server turns a CHLO down in this datagram (REJ, or SREJ where it keeps no state),
/// which names no version.
bool is_google_rejection(Bytes datagram);

/// Reads a CHLO from its tag on. More while values that were announced are missing.
Parse parse_google_hello(Bytes message, GoogleHello &out);

} // namespace l7
