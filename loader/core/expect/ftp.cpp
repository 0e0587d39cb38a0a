// SPDX-License-Identifier: GPL-2.0-or-later
// FTP: PORT and 227 (RFC 959), LPRT and 228 (RFC 1639), EPRT and 229 (RFC 2428).
#include "core/base/text.hpp"
#include "core/expect/address.hpp"
#include "core/expect/parents.hpp"

#include <netinet/in.h>

namespace l7 {

namespace {

constexpr std::size_t kFtpLineMost = 1024;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Numbers of one byte between commas, all of the text but for what follows the last one.
template <std::size_t Most>
struct Numbers {
    std::array<std::uint8_t, Most> value{};
    std::size_t count = 0;

    explicit Numbers(std::string_view text) {
        while (count < Most) {
            std::size_t size = 0;
            while (size < text.size() && size < 4 && is_digit(text[size]))
                size++;
            const auto one = number_of<std::uint8_t>(text.substr(0, size));
            if (!one)
                return;
            value[count++] = *one;
            if (size == text.size() || text[size] != ',')
                return;
            text.remove_prefix(size + 1);
        }
    }
};

std::uint16_t port_of(std::uint8_t high, std::uint8_t low) {
    return static_cast<std::uint16_t>(high << 8 | low);
}

/// RFC 959, 4.1.2: h1,h2,h3,h4,p1,p2
std::optional<HostPort> host_port(std::string_view text) {
    const Numbers<6> numbers(text);
    if (numbers.count != 6)
        return {};
    const auto &n = numbers.value;
    return HostPort{*from_bytes(Bytes(n).first(4)), port_of(n[4], n[5])};
}

/// RFC 1639, 3: af,hal,h1,...,pal,p1,p2
std::optional<HostPort> long_host_port(std::string_view text) {
    const Numbers<21> numbers(text);
    const auto &n = numbers.value;
    const std::size_t size = n[1];
    if (numbers.count < 2 || !((n[0] == 4 && size == 4) || (n[0] == 6 && size == 16)) ||
        numbers.count != size + 5 || n[size + 2] != 2)
        return {};
    return HostPort{*from_bytes(Bytes(n).subspan(2, size)), port_of(n[size + 3], n[size + 4])};
}

/// RFC 2428, 2: |1|132.235.1.2|6275| and |2|1080::8:800:200C:417A|5282|. Where only the port
/// may be given (RFC 2428, 3), the address is the one in use.
std::optional<HostPort> extended_host_port(std::string_view text, const ChildAddress *in_use) {
    if (text.empty() || text.front() < '!' || text.front() > '~' || is_digit(text.front()))
        return {};
    const char mark = text.front();
    text.remove_prefix(1);
    const std::string_view family = cut(text, mark);
    const std::string_view host = cut(text, mark);
    const std::size_t end = text.find(mark);
    const auto port = number_of<std::uint16_t>(text.substr(0, end));
    if (end == std::string_view::npos || !port)
        return {};
    if (in_use)
        return family.empty() && host.empty() ? std::optional(HostPort{*in_use, *port})
                                              : std::nullopt;
    const auto address = family == "1"   ? parse_ipv4(host)
                         : family == "2" ? parse_ipv6(host)
                                         : std::nullopt;
    if (!address)
        return {};
    return HostPort{*address, *port};
}

/// RFC 1123, 4.1.2.6: the words around the numbers are nobody's to rely on, nor the brackets.
template <class Read>
std::optional<HostPort> somewhere_in(std::string_view text, Read read) {
    for (std::size_t at = 0; at < text.size(); at++) {
        if (!is_digit(text[at]) || (at > 0 && is_digit(text[at - 1])))
            continue;
        if (const auto found = read(text.substr(at)))
            return found;
    }
    return {};
}

class Ftp final : public Parent {
  public:
    explicit Ftp(const Parties &parties) : parties_(parties) {}

    void take(const Utterance &said, std::vector<Announcement> &out) override {
        Bytes data = said.data;
        while (!unreadable_) {
            const auto line = lines_[said.direction].next(data);
            if (!line)
                return;
            if (said.direction == 0)
                doubtful_ = false;
            if (!line->whole)
                continue;
            if (said.direction == 0)
                command(line->text, out);
            else
                reply(line->text, out);
        }
    }

    /// The missing bytes may have begun a reply of several lines, or ended one: what the server
    /// says counts again from its answer to the next command.
    bool gap(unsigned direction) override {
        lines_[direction].skip();
        if (direction == 1) {
            doubtful_ = true;
            within_.clear();
        }
        return true;
    }
    bool finished() const override { return unreadable_; }

  private:
    void command(std::string_view line, std::vector<Announcement> &out) const {
        const std::string_view verb = cut_word(line);
        const auto where = same_word(verb, "port")   ? host_port(line)
                           : same_word(verb, "eprt") ? extended_host_port(line, nullptr)
                           : same_word(verb, "lprt") ? long_host_port(line)
                                                     : std::nullopt;
        announce(1, where, out);
    }

    /// A reply of several lines ends with its code and a blank; what is between may look like
    /// anything (RFC 959, 4.2).
    void reply(std::string_view line, std::vector<Announcement> &out) {
        if (doubtful_)
            return;
        const std::string_view code = line.substr(0, 3);
        const char after = line.size() > 3 ? line[3] : ' ';
        const bool begins = number_of<std::uint16_t>(code) && code.size() == 3;
        if (!within_.empty()) {
            if (code != within_ || after != ' ')
                return;
            within_.clear();
        } else if (begins && after == '-') {
            within_ = code;
        } else if (!begins || after != ' ') {
            return;
        }
        if (code == "234") // RFC 4217, 4: from here on it is TLS
            unreadable_ = true;
        const std::string_view text = line.substr(std::min<std::size_t>(line.size(), 4));
        const std::size_t bracket = text.find('(');
        if (code == "227")
            announce(0, somewhere_in(text, host_port), out);
        else if (code == "228")
            announce(0, somewhere_in(text, long_host_port), out);
        else if (code == "229" && bracket != std::string_view::npos)
            announce(0, extended_host_port(text.substr(bracket + 1), &parties_.address[1]), out);
    }

    /// `opener` connects, to where the other one says.
    void announce(unsigned opener, const std::optional<HostPort> &where,
                  std::vector<Announcement> &out) const {
        if (where)
            out.push_back({.source = parties_.address[opener],
                           .target = where->address,
                           .port = where->port,
                           .l4 = IPPROTO_TCP,
                           .protocol = "ftp-data"});
    }

    Parties parties_;
    std::array<LineReader, 2> lines_{LineReader(kFtpLineMost), LineReader(kFtpLineMost)};
    std::string within_;    ///< the code of the reply of several lines that goes on
    bool doubtful_ = false; ///< whether a line of the server's is a reply
    bool unreadable_ = false;
};

} // namespace

std::unique_ptr<Parent> make_ftp_parent(const Parties &parties) {
    return std::make_unique<Ftp>(parties);
}

} // namespace l7
