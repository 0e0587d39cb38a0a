// SPDX-License-Identifier: GPL-2.0-or-later
// TLS that begins within a conversation in the clear: STARTTLS in SMTP (RFC 3207), IMAP and POP3
// (RFC 2595), XMPP (RFC 6120, 5), LDAP (RFC 4511, 4.14), FTP (RFC 4217), NNTP (RFC 4642), and
// PostgreSQL's SSLRequest. What is spoken, the patterns tell.
#pragma once

#include "core/dissect/dissector.hpp"

namespace l7 {

bool starttls_begins(const View &view);
std::unique_ptr<Dissector> make_starttls();

} // namespace l7
