// SPDX-License-Identifier: GPL-2.0-or-later
// PPTP (RFC 2637): a call that is set up over the control connection goes over GRE, both ways.
#include "core/expect/parents.hpp"

#include "core/base/reader.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace l7 {

namespace {

constexpr std::size_t kPptpHeader = 12;
constexpr std::size_t kMessageMost = 220; ///< Outgoing-Call-Request has 168
constexpr std::uint16_t kControl = 1;
constexpr std::uint32_t kCookie = 0x1a2b3c4d;
constexpr std::uint16_t kOutgoingCallReply = 8;
constexpr std::uint16_t kIncomingCallConnected = 11;
constexpr std::uint8_t kConnected = 1;

/// Whether the message says that a call is up.
bool sets_up(Bytes message) {
    Reader reader(message.subspan(8));
    const std::uint16_t type = reader.u16();
    reader.u16();
    const std::uint16_t call = reader.u16();
    if (type == kIncomingCallConnected) // RFC 2637, 2.11: the peer's call id
        return reader.ok() && call != 0;
    const std::uint16_t peers_call = reader.u16();
    const std::uint8_t result = reader.u8();
    return type == kOutgoingCallReply && reader.ok() && call != 0 && peers_call != 0 &&
           result == kConnected;
}

class Pptp final : public Parent {
  public:
    explicit Pptp(const Parties &parties) : parties_(parties) {}

    void take(const Utterance &said, std::vector<Announcement> &out) override {
        Bytes data = said.data;
        std::vector<std::uint8_t> &held = held_[said.direction];
        while (!data.empty() && !lost_) {
            const std::size_t wanted = held.size() < 2 ? 2 : std::size_t{held[0]} << 8 | held[1];
            const std::size_t size = std::min(wanted - held.size(), data.size());
            held.insert(held.end(), data.begin(), data.begin() + static_cast<long>(size));
            data = data.subspan(size);
            check(held);
            if (!lost_ && held.size() > 2 && held.size() == (std::size_t{held[0]} << 8 | held[1])) {
                if (sets_up(held))
                    announce(out);
                held.clear();
            }
        }
    }

    bool finished() const override { return lost_; }

  private:
    /// What is not PPTP, or what was lost, is never found again.
    void check(Bytes held) {
        Reader reader(held);
        const std::uint16_t size = reader.u16();
        if (reader.ok() && (size < kPptpHeader || size > kMessageMost))
            lost_ = true;
        const std::uint16_t type = reader.u16();
        const std::uint32_t cookie = reader.u32();
        if (reader.ok() && (type != kControl || cookie != kCookie))
            lost_ = true;
    }

    void announce(std::vector<Announcement> &out) const {
        for (unsigned way = 0; way < 2; way++)
            out.push_back({.source = parties_.address[way],
                           .target = parties_.address[way ^ 1],
                           .l4 = IPPROTO_GRE,
                           .protocol = "gre"});
    }

    Parties parties_;
    std::array<std::vector<std::uint8_t>, 2> held_; ///< each direction's message so far
    bool lost_ = false;
};

} // namespace

std::unique_ptr<Parent> make_pptp_parent(const Parties &parties) {
    return std::make_unique<Pptp>(parties);
}

} // namespace l7
