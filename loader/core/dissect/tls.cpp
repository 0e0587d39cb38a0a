// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/tls.hpp"

#include "core/dissect/tls_certificate.hpp"
#include "core/dissect/tls_records.hpp"

#include <l7ctl/abi.h>

#include <algorithm>
#include <fmt/format.h>

namespace l7 {

namespace {

struct Alpn {
    std::string_view id;
    std::string_view protocol;
};
constexpr Alpn kAlpnProtocols[] = {
    {"imap", "imap"},         {"pop3", "pop3"},         {"xmpp-client", "xmpp"},
    {"xmpp-server", "xmpp"},  {"mqtt", "mqtt"},         {"ftp", "ftp"},
    {"irc", "irc"},           {"nntp", "nntp"},         {"nnsp", "nntp"},
    {"stun.turn", "stun"},    {"dot", "dns"},           {"doq", "dns"},
    {"sip/2", "sip"},         {"tds/8.0", "tds"},       {"postgresql", "postgresql"},
    {"coap", "coap"},         {"sunrpc", "sunrpc"},     {"smb", "smb"},
    {"radius/1.0", "radius"}, {"radius/1.1", "radius"}, {"bep/1.0", "syncthing"},
};

/// Hosts that are named after what they serve, where the client does not speak HTTP.
constexpr Alpn kHosts[] = {
    {"imap", "imap"}, {"imaps", "imap"}, {"imap4", "imap"}, {"pop", "pop3"},  {"pop3", "pop3"},
    {"pops", "pop3"}, {"smtp", "smtp"},  {"smtps", "smtp"}, {"xmpp", "xmpp"}, {"jabber", "xmpp"},
    {"mqtt", "mqtt"}, {"irc", "irc"},    {"ircs", "irc"},   {"nntp", "nntp"}, {"news", "nntp"},
    {"ldap", "ldap"}, {"ldaps", "ldap"}, {"ftp", "ftp"},    {"ftps", "ftp"},
};

std::string version_name(std::uint16_t version) {
    switch (version) {
    case 0x0002:
        return "SSL 2";
    case 0x0300:
        return "SSL 3";
    case 0x0301:
    case 0x0302:
    case 0x0303:
    case 0x0304:
        return fmt::format("1.{}", version - 0x0301);
    case 0xfeff:
        return "DTLS 1.0";
    case 0xfefd:
        return "DTLS 1.2";
    case 0xfefc:
        return "DTLS 1.3";
    default:
        return fmt::format("{:#06x}", version);
    }
}

class Tls final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        if (view.midstream)
            return midstream(view, facts);
        if (named_ == Named::ByServer)
            return by_server(view, facts);
        TlsStart start;
        const Parse parsed = read_tls_start(view.data, start);
        if (parsed == Parse::Wrong)
            return Progress::NotMine;
        if (start.ssl2)
            return old_hello(start, parsed, facts);
        if (parsed == Parse::Done && start.alert) {
            facts.protocol = "tls";
            return Progress::Done;
        }
        if (!start.message.empty() && start.message[0] == kServerHello)
            return server(start, facts);
        ClientHello hello;
        const Parse read = start.message.empty()
                               ? Parse::More
                               : parse_client_hello(start.message, hello, TlsOver::Tcp);
        if (read == Parse::Wrong)
            return Progress::NotMine;
        if (read == Parse::More) {
            facts.hostname = hello.server_name; // if the rest never comes
            return Progress::More;
        }
        settle_hello(hello, "tls", facts);
        named_ = hello.server_name.empty() && !hello.ech ? Named::ByServer : Named::ByClient;
        return named_ == Named::ByServer ? Progress::Known : Progress::Done;
    }

  private:
    enum class Named { NotYet, ByClient, ByServer };

    /// The client named nobody: up to TLS 1.2 the certificate tells who answers.
    static Progress by_server(const View &view, Facts &facts) {
        if (view.direction == 0)
            return Progress::Known;
        CertificateName name;
        if (read_certificate_name(view.data, name) == Parse::More)
            return Progress::Known;
        facts.hostname = std::move(name.host);
        facts.certificate = std::move(name.subject);
        if (!facts.certificate.empty())
            facts.details.emplace_back("certificate", facts.certificate);
        return Progress::Done;
    }

    static Progress old_hello(const TlsStart &start, Parse parsed, Facts &facts) {
        ClientHello hello;
        if (parsed != Parse::Done)
            return Progress::More;
        if (parse_ssl2_client_hello(start.message, hello) != Parse::Done)
            return Progress::NotMine;
        settle_hello(hello, "tls", facts);
        return Progress::Done;
    }

    static Progress server(const TlsStart &start, Facts &facts) {
        ServerHello hello;
        switch (parse_server_hello(start.message, hello, TlsOver::Tcp)) {
        case Parse::Wrong:
            return Progress::NotMine;
        case Parse::More:
            return Progress::More;
        case Parse::Done:
            break;
        }
        facts.protocol = "tls";
        add_detail(facts, "version", version_name(hello.version));
        add_detail(facts, "cipher", fmt::format("{:#06x}", hello.cipher));
        add_detail(facts, "alpn", hello.alpn);
        return Progress::Done;
    }

    static Progress midstream(const View &view, Facts &facts) {
        if (looks_like_tls_record_stream(view.data)) {
            facts.protocol = "tls";
            return Progress::Done;
        }
        return Progress::More;
    }

    Named named_ = Named::NotYet;
};

} // namespace

void add_detail(Facts &facts, const char *what, std::string value) {
    if (facts.wants_details && !value.empty())
        facts.details.emplace_back(what, std::move(value));
}

void settle_hello(const ClientHello &hello, std::string_view wrapper, Facts &facts) {
    note_hello(hello, facts);
    facts.protocol = wrapper;
    if (const auto within = protocol_within(hello); !within.empty()) {
        facts.protocol = within;
        facts.attributes |= L7_A_TLS;
    }
}

void note_hello(const ClientHello &hello, Facts &facts) {
    facts.hostname = hello.server_name;
    if (hello.ech)
        facts.attributes |= L7_A_ECH;
    if (!facts.wants_details)
        return;
    add_detail(facts, "version", version_name(hello.version));
    std::string alpn;
    for (const std::string &one : hello.alpn)
        alpn += (alpn.empty() ? "" : " ") + one;
    add_detail(facts, "alpn", std::move(alpn));
    add_detail(facts, "ja4", hello.ja4());
}

std::string_view protocol_within(const ClientHello &hello) {
    for (const std::string &offered : hello.alpn)
        if (const auto known = std::ranges::find(kAlpnProtocols, offered, &Alpn::id);
            known != std::ranges::end(kAlpnProtocols))
            return known->protocol;
    if (!hello.alpn.empty())
        return {};
    const std::string_view name = hello.server_name;
    const auto known = std::ranges::find(kHosts, name.substr(0, name.find('.')), &Alpn::id);
    return known == std::ranges::end(kHosts) ? std::string_view() : known->protocol;
}

bool tls_begins(const View &view) {
    const Bytes data = view.data;
    if (view.midstream)
        return data.size() >= 5 && data[1] == 3;
    // A record of a handshake or an alert, or the hello of SSLv2 (RFC 5246, E.2).
    const bool record = (data[0] == 0x16 || data[0] == 0x15) && (data.size() < 2 || data[1] == 3);
    return record || ((data[0] & 0x80) && (data.size() < 3 || data[2] == 1));
}

std::unique_ptr<Dissector> make_tls() {
    return std::make_unique<Tls>();
}

} // namespace l7
