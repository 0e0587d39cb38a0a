// SPDX-License-Identifier: GPL-2.0-or-later
// SIP (RFC 3261): the media of calls, as offers and answers describe them (RFC 3264), and where a
// registered phone is called.
#include "core/expect/address.hpp"
#include "core/expect/parents.hpp"
#include "core/expect/sdp.hpp"
#include "core/expect/text_message.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace l7 {

namespace {

constexpr std::uint8_t kRegistration = 3; ///< the topic behind those of MediaKind
constexpr std::uint16_t kPort = 5060;
constexpr std::uint32_t kExpires = 3600; ///< RFC 3261, 10.2.1.1: where nobody says
constexpr std::size_t kContactsMost = 4;
constexpr std::size_t kSipPendingMost = 4;

constexpr FieldName kSipFields[] = {
    {"call-id", "i"}, {"cseq", ""}, {"contact", "m"}, {"content-type", "c"}, {"expires", ""}};

bool begins_sip(std::string_view line) {
    return line.starts_with("SIP/2.0 ") || line.ends_with(" SIP/2.0");
}

/// FNV-1a: tells calls apart. Who makes two the same harms no call but these.
std::uint32_t hash_of(std::string_view text, std::uint32_t hash = 0x811c9dc5) {
    for (const char c : text)
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x01000193;
    return hash;
}

/// Methods whose bodies agree on a session (RFC 3261, 13.2.1; RFC 3262, 5; RFC 3311).
bool agrees_on_session(std::string_view method) {
    constexpr std::string_view kMethods[] = {"INVITE", "ACK", "PRACK", "UPDATE"};
    return std::ranges::find(kMethods, method) != std::end(kMethods);
}

/// Where a registered one wants to be called.
struct Contact {
    ChildAddress address;
    std::uint16_t port;
    std::uint8_t l4;
    std::optional<std::uint32_t> expires_s;

    bool same_place(const Contact &other) const {
        return address == other.address && port == other.port && l4 == other.l4;
    }
};

/// Takes one of a list off the front: commas may stand in quotes and in angle brackets.
std::string_view cut_list(std::string_view &text) {
    bool quoted = false, bracketed = false;
    std::size_t at = 0;
    for (; at < text.size(); at++) {
        if (quoted) {
            at += text[at] == '\\';
            quoted = at >= text.size() || text[at] != '"';
        } else if (text[at] == '"') {
            quoted = true;
        } else if (text[at] == '<' || text[at] == '>') {
            bracketed = text[at] == '<';
        } else if (text[at] == ',' && !bracketed) {
            break;
        }
    }
    const std::string_view out = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return out;
}

/// The value of a parameter "name=value" among those that semicolons divide.
std::string_view parameter(std::string_view parameters, std::string_view name) {
    while (!parameters.empty()) {
        std::string_view one = cut(parameters, ';');
        if (same_word(trimmed(cut(one, '=')), name))
            return trimmed(one);
    }
    return {};
}

/// RFC 3261, 20.10: "Name" <sip:user@192.0.2.4:5060;transport=udp>;expires=60
std::optional<Contact> read_contact(std::string_view text, std::uint8_t l4) {
    std::string_view uri = trimmed(text), parameters;
    if (uri.starts_with('"')) {
        std::size_t end = 1;
        while (end < uri.size() && uri[end] != '"')
            end += uri[end] == '\\' ? 2 : 1;
        uri.remove_prefix(std::min(end + 1, uri.size()));
    }
    if (const std::size_t open = uri.find('<'); open != std::string_view::npos) {
        parameters = uri.substr(open + 1);
        uri = cut(parameters, '>');
    } else {
        parameters = uri;
        uri = cut(parameters, ';');
    }
    if (!begins_with(uri, "sip:")) // what sips is, and TLS, is not SIP's bytes on the wire
        return {};
    uri.remove_prefix(4);
    std::string_view of_uri = uri;
    std::string_view host = cut(of_uri, ';');
    host = host.substr(0, host.find('?'));
    if (const std::size_t at = host.rfind('@'); at != std::string_view::npos)
        host.remove_prefix(at + 1);
    const auto place = parse_host_port(host);
    const std::string_view transport = parameter(of_uri, "transport");
    if (!place ||
        !(transport.empty() || same_word(transport, "udp") || same_word(transport, "tcp")))
        return {};
    if (!transport.empty())
        l4 = same_word(transport, "udp") ? IPPROTO_UDP : IPPROTO_TCP;
    return Contact{place->address, place->port ? place->port : kPort, l4,
                   number_of<std::uint32_t>(parameter(parameters, "expires"))};
}

std::vector<Contact> read_contacts(const TextMessage &message, std::uint8_t l4) {
    std::vector<Contact> out;
    const auto all = number_of<std::uint32_t>(message.field("expires"));
    for (const auto &[name, value] : message.fields) {
        std::string_view list = name == "contact" ? std::string_view(value) : std::string_view();
        while (!list.empty() && out.size() < kContactsMost)
            if (auto contact = read_contact(cut_list(list), l4)) {
                if (!contact->expires_s)
                    contact->expires_s = all;
                out.push_back(*contact);
            }
    }
    return out;
}

class Sip final : public Parent {
  public:
    explicit Sip(const Parties &parties)
        : l4_(parties.l4), streams_{MessageReader(kForm, true), MessageReader(kForm, true)} {}

    void take(const Utterance &said, std::vector<Announcement> &out) override {
        Bytes data = said.data;
        MessageReader datagram(kForm, false);
        MessageReader &reader = l4_ == IPPROTO_TCP ? streams_[said.direction] : datagram;
        while (const TextMessage *message = reader.next(data))
            read(*message, said.direction, out);
    }

    bool finished() const override { return streams_[0].lost() && streams_[1].lost(); }

  private:
    static constexpr MessageForm kForm{kSipFields, begins_sip, false};

    /// A request to register that nobody has answered yet.
    struct Pending {
        unsigned direction;
        std::uint32_t transaction;
        std::vector<Contact> contacts;
    };

    void read(const TextMessage &message, unsigned direction, std::vector<Announcement> &out) {
        std::string_view start = message.start;
        std::string_view method = cut_word(start);
        std::string_view cseq = message.field("cseq");
        const std::uint32_t transaction =
            hash_of(cut_word(cseq), hash_of(message.field("call-id")));
        unsigned status = 0;

        if (method == "SIP/2.0") {
            status = number_of<std::uint16_t>(cut_word(start)).value_or(0);
            if (status < 100 || status > 699)
                return;
            method = cseq;
        }
        if (method == "REGISTER") {
            if (status == 0)
                request(message, direction, transaction);
            else if (status >= 200)
                answered(message, direction, transaction, status, out);
        } else if (agrees_on_session(method) && status < 300) {
            for (const MediaEnd &end : read_sdp_body(message.field("content-type"), message.body)) {
                const char place[] = {static_cast<char>(direction), static_cast<char>(end.number)};
                Announcement one = announcement_of(end, "sip");
                one.slot = hash_of({place, 2}, hash_of(message.field("call-id"))) | 1;
                out.push_back(one);
            }
        }
    }

    void request(const TextMessage &message, unsigned direction, std::uint32_t transaction) {
        std::erase_if(pending_, [&](const Pending &one) {
            return one.direction == direction && one.transaction == transaction;
        });
        if (pending_.size() == kSipPendingMost)
            pending_.erase(pending_.begin());
        pending_.push_back({direction, transaction, read_contacts(message, l4_)});
    }

    /// What counts of a request is what the registrar has agreed to, for as long as it says.
    void answered(const TextMessage &message, unsigned direction, std::uint32_t transaction,
                  unsigned status, std::vector<Announcement> &out) {
        const auto at = std::ranges::find_if(pending_, [&](const Pending &one) {
            return one.direction != direction && one.transaction == transaction;
        });
        if (at == pending_.end())
            return;
        const std::vector<Contact> asked = std::move(at->contacts);
        pending_.erase(at);
        if (status != 200)
            return;
        const std::vector<Contact> granted = read_contacts(message, l4_);
        for (const Contact &one : asked) {
            const auto same = std::ranges::find_if(
                granted, [&](const Contact &other) { return other.same_place(one); });
            const auto granted_s = same == granted.end() ? one.expires_s : same->expires_s;
            const std::uint32_t expires_s = granted_s.value_or(one.expires_s.value_or(kExpires));
            if (expires_s != 0)
                out.push_back({.source = kAnyone,
                               .target = one.address,
                               .port = one.port,
                               .l4 = one.l4,
                               .topic = kRegistration,
                               .protocol = "sip",
                               .lifetime_s = static_cast<std::uint16_t>(
                                   std::min<std::uint32_t>(expires_s, 0xffff))});
        }
    }

    std::uint8_t l4_;
    std::array<MessageReader, 2> streams_;
    std::vector<Pending> pending_; ///< the oldest first
};

} // namespace

std::unique_ptr<Parent> make_sip_parent(const Parties &parties) {
    return std::make_unique<Sip>(parties);
}

} // namespace l7
