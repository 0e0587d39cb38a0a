// SPDX-License-Identifier: GPL-2.0-or-later
// TLS over TCP, DTLS and QUIC as dissectors: the name the client asks for, and what it speaks.
#pragma once

#include "core/dissect/dissector.hpp"
#include "core/dissect/tls_hello.hpp"

namespace l7 {

bool tls_begins(const View &view);
std::unique_ptr<Dissector> make_tls();

bool dtls_begins(const View &view);
std::unique_ptr<Dissector> make_dtls();

bool quic_begins(const View &view);
std::unique_ptr<Dissector> make_quic();

/// Settles a flow by its ClientHello: `wrapper`, or the protocol within.
void settle_hello(const ClientHello &hello, std::string_view wrapper, Facts &facts);

/// Adds what is worth showing, unless it is empty.
void add_detail(Facts &facts, const char *what, std::string value);

/// Puts what a ClientHello says into facts: host name, ALPN, JA4, ECH.
void note_hello(const ClientHello &hello, Facts &facts);

/// The protocol within TLS, where ALPN (IANA "TLS ALPN Protocol IDs") or the kind of host that is
/// asked for names one; "" for HTTP and what is not known.
std::string_view protocol_within(const ClientHello &hello);

} // namespace l7
