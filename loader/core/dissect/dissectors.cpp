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

constexpr DissectedProtocol kProtocols[] = {
    {"http", "Hypertext Transfer Protocol 1", "RFC 9110, RFC 9112", "web", kTcp},
    {"http-connect", "HTTP CONNECT", "RFC 9110 section 9.3.6", "proxy", kTcp},
    {"http2", "Hypertext Transfer Protocol 2", "RFC 9113", "web", kTcp},
    {"grpc", "gRPC", "gRPC over HTTP2", "rpc", kTcp},
    {"websocket", "WebSocket", "RFC 6455 section 4", "web", kTcp},
    {"tls", "Transport Layer Security", "RFC 8446, RFC 5246", "secure", kTcp},
    {"dtls", "Datagram Transport Layer Security", "RFC 9147, RFC 6347", "secure", kUdp},
    {"quic", "QUIC", "RFC 9000, RFC 9001, RFC 9369", "web", kUdp},
    {"dns", "Domain Name System", "RFC 1035", "directory", kTcp | kUdp},
    {"imap", "Internet Message Access Protocol", "RFC 9051", "mail", kTcp},
    {"pop3", "Post Office Protocol 3", "RFC 1939", "mail", kTcp},
    {"smtp", "Simple Mail Transfer Protocol", "RFC 5321", "mail", kTcp},
    {"nntp", "Network News Transfer Protocol", "RFC 3977", "news", kTcp},
    {"ftp", "File Transfer Protocol", "RFC 959", "file", kTcp},
    {"ldap", "Lightweight Directory Access Protocol", "RFC 4511", "directory", kTcp},
    {"xmpp", "Extensible Messaging and Presence Protocol", "RFC 6120", "messaging", kTcp},
    {"irc", "Internet Relay Chat", "RFC 1459", "chat", kTcp},
    {"mqtt", "MQTT", "OASIS MQTT 5.0", "iot", kTcp},
    {"sip", "Session Initiation Protocol", "RFC 3261", "voip", kTcp},
    {"stun", "Session Traversal Utilities for NAT", "RFC 8489", "voip", kTcp | kUdp},
    {"rtp", "Real-time Transport Protocol", "RFC 3550 section 5.1", "voip", kUdp},
    {"rtcp", "RTP Control Protocol", "RFC 3550 section 6", "voip", kUdp},
    {"tds", "Tabular Data Stream", "MS-TDS", "database", kTcp},
    {"postgresql", "PostgreSQL", "PostgreSQL frontend/backend protocol 3.0", "database", kTcp},
    {"coap", "Constrained Application Protocol", "RFC 8323", "iot", kTcp},
    {"sunrpc", "Remote Procedure Call", "RFC 5531, RFC 9289", "rpc", kTcp},
    {"smb", "Server Message Block", "MS-SMB2", "file", kTcp},
    {"dcerpc", "DCE RPC", "C706, MS-RPCE", "rpc", kTcp | kUdp},
    {"radius", "RADIUS", "RFC 6614", "auth", kTcp},
};

} // namespace

std::span<const DissectedProtocol> dissected_protocols() {
    return kProtocols;
}

void add_dissector_protocols(Protocols &protocols) {
    for (const DissectedProtocol &one : kProtocols)
        protocols.number(one.name);
}

std::span<const DissectorKind> dissector_kinds() {
    return kKinds;
}

} // namespace l7
