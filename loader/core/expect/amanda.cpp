// SPDX-License-Identifier: GPL-2.0-or-later
// Amanda's datagrams: the reply of a client that is backed up (amandad) names the TCP ports where
// it waits for its server: "CONNECT DATA 50000 MESG 50001 INDEX 50002".
#include "core/base/text.hpp"
#include "core/expect/parents.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace l7 {

namespace {

constexpr std::size_t kAmandaLineMost = 512;

/// "Amanda 2.6 REP HANDLE 00-00A8B4C0 SEQ 1234567890"
bool is_reply(std::string_view line) {
    const bool ours = cut_word(line) == "Amanda" && !cut_word(line).empty();
    return ours && (cut_word(line) == "REP" || line.starts_with("PREP"));
}

class Amanda final : public Parent {
  public:
    explicit Amanda(const Parties &parties) : parties_(parties) {}

    void take(const Utterance &said, std::vector<Announcement> &out) override {
        LineReader lines(kAmandaLineMost);
        Bytes data = said.data;
        const auto first = lines.next(data);
        if (said.direction != 1 || !first || !is_reply(first->text))
            return;
        while (const auto line = lines.next(data))
            if (line->text.starts_with("CONNECT ")) {
                connect(line->text.substr(8), out);
                return;
            }
    }

  private:
    void connect(std::string_view text, std::vector<Announcement> &out) const {
        constexpr std::string_view kStreams[] = {"DATA", "MESG", "INDEX", "STATE"};
        while (!text.empty()) {
            const std::string_view stream = cut_word(text);
            const auto port = number_of<std::uint16_t>(cut_word(text));
            if (!port)
                return;
            if (*port != 0 && std::ranges::find(kStreams, stream) != std::end(kStreams))
                out.push_back({.source = parties_.address[0],
                               .target = parties_.address[1],
                               .port = *port,
                               .l4 = IPPROTO_TCP,
                               .protocol = "amanda"});
        }
    }

    Parties parties_;
};

} // namespace

std::unique_ptr<Parent> make_amanda_parent(const Parties &parties) {
    return std::make_unique<Amanda>(parties);
}

} // namespace l7
