// SPDX-License-Identifier: GPL-2.0-or-later
// The server's certificate as it stands in the clear up to TLS 1.2 (RFC 5246, 7.4.2), for clients
// that name nobody.
#pragma once

#include "core/base/bytes.hpp"
#include "core/dissect/tls_hello.hpp"

#include <string>

namespace l7 {

/// Whom a certificate is of; either may be empty.
struct CertificateName {
    std::string host;    ///< a wildcard's "*." is left out
    std::string subject; ///< the common name where it is no host's, as of "Example Relay"
};

/// Looks for the name in the first certificate of what the server sent, from its first byte on: the
/// subject's common name where that is a host's, else the first DNS name of subjectAltName (RFC
/// 5280, 4.2.1.6). Done: `name` is what there was, perhaps nothing. More: it may come yet. Wrong:
/// there will be none, as with TLS 1.3.
Parse read_certificate_name(Bytes server_stream, CertificateName &name);

} // namespace l7
