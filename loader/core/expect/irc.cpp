// SPDX-License-Identifier: GPL-2.0-or-later
// IRC's direct client to client connections: CTCP (draft-oakley-irc-ctcp-02) in PRIVMSG (RFC 2812,
// 3.3.1), behind tags (IRCv3 message-tags) and prefix if need be.
#include "core/base/text.hpp"
#include "core/expect/address.hpp"
#include "core/expect/parents.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace l7 {

namespace {

constexpr std::size_t kIrcLineMost = 8191 + 512; ///< IRCv3 tags, RFC 2812's line
constexpr unsigned kArgumentsMost = 2;           ///< before the address

/// The file's name may be in quotes and then have blanks.
std::string_view cut_argument(std::string_view &text) {
    text = trimmed(text);
    if (!text.starts_with('"'))
        return cut_word(text);
    text.remove_prefix(1);
    const std::string_view out = cut(text, '"');
    text = trimmed(text);
    return out;
}

std::optional<ChildAddress> address_of(std::string_view word) {
    if (const auto number = number_of<std::uint32_t>(word))
        return from_ipv4(*number);
    return parse_address(word); // as newer clients give them, IPv6 above all
}

/// "SEND file address port [size]" and the like. RESUME and ACCEPT have no address.
std::optional<HostPort> offered(std::string_view dcc) {
    const std::string_view what = cut_word(dcc);
    constexpr std::string_view kOffers[] = {"send", "chat", "move", "tsend", "schat"};
    if (std::ranges::none_of(kOffers, [&](auto offer) { return same_word(what, offer); }))
        return {};
    // Not all clients put names with blanks in quotes: the address is the first word from the
    // second on that, with the next, can be one.
    cut_argument(dcc);
    for (unsigned i = 0; i < kArgumentsMost && !dcc.empty(); i++) {
        const auto address = address_of(cut_word(dcc));
        std::string_view rest = dcc;
        const auto port = number_of<std::uint16_t>(cut_word(rest));
        if (address && port)
            return HostPort{*address, *port};
    }
    return {};
}

class Irc final : public Parent {
  public:
    void take(const Utterance &said, std::vector<Announcement> &out) override {
        Bytes data = said.data;
        while (const auto line = lines_[said.direction].next(data))
            if (line->whole && said.direction == 0)
                read(line->text, out);
    }

    bool gap(unsigned direction) override {
        lines_[direction].skip();
        return true;
    }

  private:
    static void read(std::string_view line, std::vector<Announcement> &out) {
        if (line.starts_with('@'))
            cut_word(line);
        if (line.starts_with(':'))
            cut_word(line);
        if (!same_word(cut_word(line), "privmsg"))
            return;
        cut_word(line); // to whom
        if (line.starts_with(':'))
            line.remove_prefix(1);
        if (!begins_with(line, "\x01"
                               "dcc "))
            return;
        line.remove_prefix(5);
        const auto where = offered(cut(line, '\x01'));
        if (where && where->port != 0) // 0: the other one is to listen
            out.push_back({.source = kAnyone,
                           .target = where->address,
                           .port = where->port,
                           .l4 = IPPROTO_TCP,
                           .protocol = "irc"});
    }

    std::array<LineReader, 2> lines_{LineReader(kIrcLineMost), LineReader(kIrcLineMost)};
};

} // namespace

std::unique_ptr<Parent> make_irc_parent(const Parties &) {
    return std::make_unique<Irc>();
}

} // namespace l7
