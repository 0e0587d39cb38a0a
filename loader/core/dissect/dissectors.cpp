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

constexpr unsigned kTcp = 1U << static_cast<unsigned>(Transport::Tcp);
constexpr unsigned kUdp = 1U << static_cast<unsigned>(Transport::Udp);

constexpr DissectorKind kKinds[] = {
    {"tls", "tls", kTcp, tls_begins, make_tls, true},
    {"quic", "quic", kUdp, quic_begins, make_quic},
    {"dtls", "dtls", kUdp, dtls_begins, make_dtls},
    {"http2", "http2 grpc", kTcp, http2_begins, make_http2, true},
    {"http", "http", kTcp, http_begins, make_http, true},
    {"dns", "dns mdns llmnr netbios", kTcp | kUdp, dns_begins, make_dns},
    {"starttls", "smtp imap pop3 xmpp ldap ftp nntp postgresql", kTcp, starttls_begins,
     make_starttls},
    {"smb", "smb", kTcp, smb_begins, make_smb, true},
    {"dcerpc", "dcerpc", kTcp | kUdp, dcerpc_begins, make_dcerpc, true},
    {"rtp", "rtp", kUdp, rtp_begins, make_rtp},
};

} // namespace

void add_dissector_protocols(Protocols &protocols) {
    for (const char *name :
         {"http", "http-connect", "websocket", "tls",    "dtls",  "quic",   "imap", "pop3",
          "xmpp", "mqtt",         "ftp",       "irc",    "nntp",  "stun",   "dns",  "sip",
          "tds",  "postgresql",   "coap",      "sunrpc", "smb",   "radius", "smtp", "rtp",
          "rtcp", "ldap",         "http2",     "grpc",   "dcerpc"})
        protocols.number(name);
}

std::span<const DissectorKind> dissector_kinds() {
    return kKinds;
}

} // namespace l7
