// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/dissector.hpp"

#include "core/dissect/dcerpc.hpp"
#include "core/dissect/dns.hpp"
#include "core/dissect/http.hpp"
#include "core/dissect/http2.hpp"
#include "core/dissect/rtp.hpp"
#include "core/dissect/smb.hpp"
#include "core/dissect/starttls.hpp"
#include "core/dissect/tls.hpp"

namespace l7 {

namespace {

constexpr DissectorKind kKinds[] = {
    {"tls", "tls", kOverTcp, tls_begins, make_tls, true},
    {"quic", "quic", kOverUdp, quic_begins, make_quic},
    {"dtls", "dtls", kOverUdp, dtls_begins, make_dtls},
    {"http2", "http2 grpc", kOverTcp, http2_begins, make_http2, true},
    {"http", "http", kOverTcp, http_begins, make_http, true},
    {"dns", "dns mdns llmnr netbios", kOverTcp | kOverUdp, dns_begins, make_dns},
    {"starttls", "smtp imap pop3 xmpp ldap ftp nntp postgresql", kOverTcp, starttls_begins,
     make_starttls},
    {"smb", "smb", kOverTcp, smb_begins, make_smb, true},
    {"dcerpc", "dcerpc", kOverTcp | kOverUdp, dcerpc_begins, make_dcerpc, true},
    {"rtp", "rtp", kOverUdp, rtp_begins, make_rtp},
};

} // namespace

std::span<const DissectorKind> dissector_kinds() {
    return kKinds;
}

} // namespace l7
