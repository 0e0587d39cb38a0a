// SPDX-License-Identifier: GPL-2.0-or-later
// TFTP (RFC 1350): the server answers a request from a port of its choice, to the client's.
#include "core/base/text.hpp"
#include "core/expect/address.hpp"
#include "core/expect/parents.hpp"

#include "core/base/reader.hpp"

#include <netinet/in.h>

namespace l7 {

namespace {

constexpr std::uint16_t kReadRequest = 1;
constexpr std::uint16_t kWriteRequest = 2;

/// RFC 1350, 5: a file's name and a mode, each with a NUL behind it.
bool is_request(Bytes data) {
    Reader reader(data);
    const std::uint16_t opcode = reader.u16();
    std::string_view rest = text_of(reader.rest());
    const bool terminated = rest.find('\0') != rest.rfind('\0');
    const std::string_view file = cut(rest, '\0');
    const std::string_view mode = cut(rest, '\0');
    return (opcode == kReadRequest || opcode == kWriteRequest) && terminated && !file.empty() &&
           (same_word(mode, "octet") || same_word(mode, "netascii") || same_word(mode, "mail"));
}

class Tftp final : public Parent {
  public:
    explicit Tftp(const Parties &parties) : parties_(parties) {}

    void take(const Utterance &said, std::vector<Announcement> &out) override {
        if (said.direction == 0 && is_request(said.data))
            out.push_back({.source = parties_.address[1],
                           .target = parties_.address[0],
                           .port = parties_.port[0],
                           .l4 = IPPROTO_UDP,
                           .protocol = "tftp"});
    }

  private:
    Parties parties_;
};

} // namespace

std::unique_ptr<Parent> make_tftp_parent(const Parties &parties) {
    return std::make_unique<Tftp>(parties);
}

} // namespace l7
