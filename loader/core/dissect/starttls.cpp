// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/starttls.hpp"

#include "core/base/text.hpp"
#include "core/dissect/tls.hpp"
#include "core/dissect/tls_records.hpp"

#include <l7ctl/abi.h>

#include <algorithm>
#include <array>

namespace l7 {

namespace {

constexpr std::array<std::uint8_t, 8> kPostgresqlRequest{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
constexpr std::string_view kLdapOid = "1.3.6.1.4.1.1466.20037";

/// Commands after which a client would no longer change over.
constexpr std::string_view kTooLate[] = {"mail from",     "auth plain", "auth login", "login ",
                                         "authenticate ", "user ",      "pass ",      "<auth ",
                                         "list",          "group "};

/// Where the bytes behind the request for TLS begin; npos: it was not made.
std::size_t end_of_request(Bytes data) {
    if (data.size() >= kPostgresqlRequest.size() &&
        std::ranges::equal(data.first(kPostgresqlRequest.size()), kPostgresqlRequest))
        return kPostgresqlRequest.size();
    if (!data.empty() && data[0] == 0x30) { // LDAPMessage
        const std::size_t oid = text_of(data).find(kLdapOid);
        return oid == std::string_view::npos ? oid : oid + kLdapOid.size();
    }
    const std::string text = ascii_lowered(text_of(data));
    for (const std::string_view command : {"starttls", "stls", "auth tls", "auth ssl"}) {
        const std::size_t at = text.find(command);
        if (at == std::string::npos)
            continue;
        const bool xml = text.starts_with('<');
        const std::size_t end = text.find(xml ? '>' : '\n', at);
        return end == std::string::npos ? end : end + 1;
    }
    return std::string::npos;
}

class StartTls final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        if (view.direction != 0)
            return Progress::More;
        const std::size_t end = end_of_request(view.data);
        if (end == std::string::npos)
            return too_late(view.data) ? Progress::NotMine : Progress::More;
        facts.attributes |= L7_A_STARTTLS;
        if (end == view.data.size())
            return Progress::More;
        TlsStart start;
        ClientHello hello;
        const Parse parsed = read_tls_start(view.data.subspan(end), start);
        const Parse read = parsed == Parse::Wrong || start.message.empty()
                               ? parsed
                               : parse_client_hello(start.message, hello, TlsOver::Tcp);
        if (read == Parse::More)
            return Progress::More;
        if (read == Parse::Wrong) {
            facts.attributes = 0;
            return Progress::NotMine;
        }
        note_hello(hello, facts);
        facts.attributes |= L7_A_TLS;
        return Progress::Done;
    }

  private:
    static bool too_late(Bytes data) {
        if (data.empty() || data[0] < ' ' || data[0] == '0')
            return false;
        const std::string text = ascii_lowered(text_of(data));
        return std::ranges::any_of(kTooLate, [&](std::string_view command) {
            return text.find(command) != std::string::npos;
        });
    }
};

} // namespace

bool starttls_begins(const View &view) {
    const std::string_view text = text_of(view.data);
    return text.starts_with("220") || text.starts_with("* ") || text.starts_with("+OK") ||
           text.starts_with("200 ") || text.starts_with("201 ") || text.starts_with("<?xml") ||
           text.starts_with("<stream") || (view.data.size() > 20 && view.data[0] == 0x30) ||
           (view.data.size() == kPostgresqlRequest.size() &&
            std::ranges::equal(view.data, kPostgresqlRequest));
}

std::unique_ptr<Dissector> make_starttls() {
    return std::make_unique<StartTls>();
}

} // namespace l7
