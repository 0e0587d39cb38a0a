// SPDX-License-Identifier: GPL-2.0-or-later
// MGCP (RFC 3435): the SDP behind the empty line of commands and answers.
#include "core/base/text.hpp"
#include "core/expect/parents.hpp"
#include "core/expect/sdp.hpp"

namespace l7 {

namespace {

class Mgcp final : public Parent {
  public:
    void take(const Utterance &said, std::vector<Announcement> &out) override {
        std::string_view text = text_of(said.data);
        SdpReader reader;
        bool behind = false; ///< the fields, where descriptions are

        while (!text.empty()) {
            const std::string_view line = cut_line(text);
            if (line == ".") { // the next message of those in one datagram (RFC 3435, 3.5.5)
                behind = false;
                reader.end();
            } else if (line.empty()) { // also between two descriptions (RFC 3435, 3.4)
                behind = true;
                reader.end();
            } else if (behind) {
                reader.take(line);
            }
        }
        for (const MediaEnd &end : reader.finish())
            out.push_back(announcement_of(end, "mgcp"));
    }
};

} // namespace

std::unique_ptr<Parent> make_mgcp_parent(const Parties &) {
    return std::make_unique<Mgcp>();
}

} // namespace l7
