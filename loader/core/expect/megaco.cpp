// SPDX-License-Identifier: GPL-2.0-or-later
// Megaco in text (H.248.1 annex B): the SDP in its Local and Remote descriptors.
#include "core/base/text.hpp"
#include "core/expect/parents.hpp"
#include "core/expect/sdp.hpp"
#include "core/expect/tpkt.hpp"

#include <netinet/in.h>

namespace l7 {

namespace {

void read(Bytes message, std::vector<Announcement> &out) {
    std::string_view text = text_of(message);
    SdpReader reader;
    while (!text.empty()) {
        // Descriptions stand between braces, on lines of their own or not: "Local{v=0".
        std::string_view line = cut_line(text);
        while (!line.empty()) {
            const std::size_t end = line.find_first_of("{}");
            reader.take(trimmed(line.substr(0, end)));
            if (end == std::string_view::npos)
                break;
            reader.end();
            line.remove_prefix(end + 1);
        }
    }
    for (const MediaEnd &end : reader.finish())
        out.push_back(announcement_of(end, "megaco"));
}

class Megaco final : public Parent {
  public:
    explicit Megaco(const Parties &parties) : stream_(parties.l4 == IPPROTO_TCP) {}

    void take(const Utterance &said, std::vector<Announcement> &out) override {
        if (!stream_)
            return read(said.data, out);
        Bytes data = said.data;
        while (const auto packet = packets_[said.direction].next(data)) // H.248.1, D.2
            read(*packet, out);
    }

    bool finished() const override { return packets_[0].lost() && packets_[1].lost(); }

  private:
    bool stream_;
    std::array<TpktReader, 2> packets_;
};

} // namespace

std::unique_ptr<Parent> make_megaco_parent(const Parties &parties) {
    return std::make_unique<Megaco>(parties);
}

} // namespace l7
