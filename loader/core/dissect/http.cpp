// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/http.hpp"

#include "core/base/text.hpp"
#include "core/dissect/bittorrent_peers.hpp"
#include "core/dissect/tls.hpp"
#include "core/dissect/tls_records.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace l7 {

namespace {

constexpr std::size_t kMethodMost = 20;
constexpr std::size_t kDetailMost = 200;

/// RFC 9110, 5.6.2.
bool is_token(char c) {
    return is_alphanumeric(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string_view without_blanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

/// Whoever reads it, a terminal or JSON, gets nothing but printable ASCII.
std::string shown(std::string_view text) {
    std::string out(text);
    std::ranges::replace_if(
        out, [](char c) { return c < ' ' || c > '~'; }, '?');
    return out;
}

enum class Line { More, Wrong, Good };

/// What a message says until its empty line.
struct Message {
    std::string_view method, target; ///< of a request
    unsigned status = 0;             ///< of a response
    std::string_view host, user_agent, upgrade, server, content_type, coding;
    bool complete = false; ///< the empty line is there
    std::size_t body = 0;  ///< where the bytes after it begin

    /// "METHOD target HTTP/1.x" (RFC 9112, 3) or "HTTP/1.x 123 reason" (RFC 9112, 4).
    Line read_start(std::string_view text);
    void read_fields(std::string_view text, std::size_t at);
};

Line Message::read_start(std::string_view text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);

    if (end == std::string_view::npos && std::string_view("HTTP/1.").starts_with(line))
        return Line::More;
    if (line.starts_with("HTTP/1.")) {
        if (line.size() >= 12 && std::isdigit(line[9]) && std::isdigit(line[10]) &&
            std::isdigit(line[11]))
            status = static_cast<unsigned>((line[9] - '0') * 100 + (line[10] - '0') * 10 +
                                           (line[11] - '0'));
        return status >= 100 && line[8] == ' '                     ? Line::Good
               : end == std::string_view::npos && line.size() < 12 ? Line::More
                                                                   : Line::Wrong;
    }
    const std::size_t space = line.find(' ');
    method = line.substr(0, std::min(space, line.size()));
    if (method.empty() || method.size() > kMethodMost || !std::ranges::all_of(method, is_token))
        return Line::Wrong;
    if (space == std::string_view::npos)
        return end == std::string_view::npos ? Line::More : Line::Wrong;
    const std::string_view rest = without_blanks(line.substr(space + 1));
    if (std::ranges::any_of(rest, [](char c) { return static_cast<unsigned char>(c) < ' '; }))
        return Line::Wrong;
    if (end == std::string_view::npos)
        return Line::More;
    const std::size_t version = rest.rfind(' ');
    if (version == std::string_view::npos || !rest.substr(version + 1).starts_with("HTTP/1."))
        return Line::Wrong;
    target = rest.substr(0, version);
    return Line::Good;
}

void Message::read_fields(std::string_view text, std::size_t at) {
    while (at < text.size()) {
        const std::size_t end = text.find('\n', at);
        if (end == std::string_view::npos)
            return; // the line may go on
        const std::string_view line = without_blanks(text.substr(at, end - at));
        at = end + 1;
        if (line.empty()) {
            complete = true;
            body = at;
            return;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos)
            continue;
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = without_blanks(line.substr(colon + 1));
        if (same_word(name, "host"))
            host = value;
        else if (same_word(name, "user-agent"))
            user_agent = value;
        else if (same_word(name, "upgrade"))
            upgrade = value;
        else if (same_word(name, "server"))
            server = value;
        else if (same_word(name, "content-type"))
            content_type = value;
        else if (same_word(name, "transfer-encoding"))
            coding = value;
    }
}

class Http final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        Message message;
        const std::string_view text = text_of(view.data);
        const Line start = message.read_start(text);

        if (start == Line::More)
            return facts.protocol.empty() ? Progress::More : Progress::Known;
        if (start == Line::Wrong) // later bytes of a direction never change its first line
            return facts.protocol.empty() ? Progress::NotMine : Progress::Done;
        message.read_fields(text, text.find('\n') + 1);
        if (facts.protocol.empty())
            facts.protocol = "http";
        facts.carrier = !connect_;
        if (message.status) {
            const Progress known = response(message, facts);
            return tracker_ && message.complete
                       ? peers(message, view.data.subspan(message.body), facts)
                       : known;
        }
        const Progress known = request(message, facts);
        return connect_ && message.complete ? through(view.data.subspan(message.body), facts)
                                            : known;
    }

  private:
    /// What goes through the proxy once it has agreed (RFC 9110, 9.3.6): mostly TLS, whose own name
    /// for the server is the better one.
    static Progress through(Bytes data, Facts &facts) {
        TlsStart start;
        ClientHello hello;
        if (data.empty())
            return Progress::Known;
        Parse state = read_tls_start(data, start);
        if (state == Parse::Done)
            state = start.ssl2 || start.alert
                        ? Parse::Wrong
                        : parse_client_hello(start.message, hello, TlsOver::Tcp);
        if (state == Parse::More)
            return Progress::Known;
        if (state == Parse::Done) {
            std::string asked_for = std::move(facts.hostname);
            note_hello(hello, facts);
            if (facts.hostname.empty())
                facts.hostname = std::move(asked_for);
            facts.attributes |= L7_A_TLS;
        }
        return Progress::Done;
    }

    Progress request(const Message &message, Facts &facts) {
        note_field(facts, "method", message.method);
        if (message.method == "CONNECT") {
            connect_ = true;
            facts.protocol = "http-connect";
            facts.carrier = false;
            facts.hostname = host_of(message.target);
        } else if (const auto scheme = message.target.find("://"); scheme < 8) {
            // Absolute form: to a proxy (RFC 9112, 3.2.2).
            const std::string_view rest = message.target.substr(scheme + 3);
            facts.hostname = host_of(rest.substr(0, rest.find('/')));
        } else if (!message.host.empty()) {
            facts.hostname = host_of(message.host);
        }
        note_field(facts, "user-agent", message.user_agent);
        upgrade_ = !within(message.upgrade).empty();
        tracker_ = asks_tracker(message.target);
        if (!message.complete)
            return Progress::Known;
        return upgrade_ || tracker_ ? Progress::Known : Progress::Done;
    }

    /// What a tracker answers.
    static Progress peers(const Message &message, Bytes body, Facts &facts) {
        const auto given = message.coding.empty() ? std::optional(body) : first_chunk(body);
        if (!given || given->empty())
            return Progress::Known;
        facts.peers.clear();
        return read_tracker_answer(*given, facts.peers) || given->front() != 'd' ? Progress::Done
                                                                                 : Progress::Known;
    }

    /// What there is of a body's first chunk (RFC 9112, 7.1).
    static std::optional<Bytes> first_chunk(Bytes body) {
        const std::string_view text = text_of(body);
        const std::size_t line = text.find('\n');
        std::size_t size = 0;
        if (line == std::string_view::npos ||
            std::from_chars(text.data(), text.data() + line, size, 16).ec != std::errc{})
            return std::nullopt;
        body = body.subspan(line + 1);
        return body.first(std::min(size, body.size()));
    }

    Progress response(const Message &message, Facts &facts) {
        note_field(facts, "server", message.server);
        note_field(facts, "content-type", message.content_type);
        if (const auto protocol = within(message.upgrade);
            message.status == 101 && !protocol.empty()) {
            facts.protocol = protocol;
            facts.carrier = false;
            return Progress::Done;
        }
        if (connect_) // the client's first bytes for the other end are awaited, if it agreed
            return message.complete && message.status / 100 != 2 ? Progress::Done : Progress::Known;
        // Without the request there is no more to learn but what the header says.
        return message.complete || (upgrade_ && message.status != 101) ? Progress::Done
                                                                       : Progress::Known;
    }

    /// What an Upgrade that is agreed to leads to.
    static std::string_view within(std::string_view upgrade) {
        if (same_word(upgrade, "websocket"))
            return "websocket";
        return same_word(upgrade, "h2c") ? "http2" : "";
    }

    bool upgrade_ = false;
    bool connect_ = false;
    bool tracker_ = false; ///< was asked
};

} // namespace

std::string host_of(std::string_view authority) {
    if (authority.starts_with('['))
        return shown(authority.substr(1, std::max<std::size_t>(authority.find(']'), 1) - 1));
    return shown(authority.substr(0, authority.find(':')));
}

void note_field(Facts &facts, const char *what, std::string_view value) {
    if (!facts.wants_details)
        return;
    if (!value.empty() &&
        std::ranges::none_of(facts.details, [&](const auto &one) { return one.first == what; }))
        facts.details.emplace_back(what, shown(value.substr(0, kDetailMost)));
}

bool http_begins(const View &view) {
    const Bytes data = view.data;
    const auto upper = [&](std::size_t i) {
        return i >= data.size() || (data[i] >= 'A' && data[i] <= 'Z') || data[i] == '-' ||
               data[i] == '_';
    };
    return !data.empty() &&
           ((upper(0) && upper(1) && upper(2)) || text_of(data).starts_with("HTTP"));
}

std::unique_ptr<Dissector> make_http() {
    return std::make_unique<Http>();
}

} // namespace l7
