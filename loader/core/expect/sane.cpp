// SPDX-License-Identifier: GPL-2.0-or-later
// SANE's network protocol (SANE standard, chapter 5): the image of a scan comes over a connection
// to the port in the reply to SANE_NET_START.
#include "core/expect/parents.hpp"

#include "core/base/reader.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace l7 {

namespace {

constexpr std::uint32_t kStart = 7;
constexpr std::uint32_t kAuthorize = 9;
constexpr std::size_t kRequest = 8; ///< code and handle
constexpr std::size_t kReply = 16;  ///< status, port, byte order, the resource's length
constexpr std::size_t kAuthorizeReply = 4;
constexpr std::size_t kTooLong = 1 << 20; ///< for a message that matters
constexpr std::uint32_t kLittleEndian = 0x1234;
constexpr std::uint32_t kBigEndian = 0x4321;

/// One request at a time, each after the reply to the one before: where the direction changes, a
/// message begins. Hence no other message needs to be understood.
class Sane final : public Parent {
  public:
    explicit Sane(const Parties &parties) : parties_(parties) {}

    void take(const Utterance &said, std::vector<Announcement> &out) override {
        if (said.data.empty())
            return;
        if (said.direction != speaker_) {
            if (said.direction == 1)
                replying_to_start();
            speaker_ = said.direction;
            held_.clear();
            size_ = 0;
        }
        size_ += said.data.size();
        const std::size_t room = kReply + kAuthorizeReply - held_.size();
        const Bytes kept = said.data.first(std::min(room, said.data.size()));
        held_.insert(held_.end(), kept.begin(), kept.end());
        if (said.direction == 1 && wanted_)
            reply(out);
    }

    /// Descriptions of options are long, and messages that matter are short: one that has a hole
    /// is none of those.
    bool gap(unsigned direction) override {
        speaker_ = direction;
        held_.clear();
        size_ = kTooLong;
        wanted_ = locked_ = false;
        return true;
    }

  private:
    /// Looks at the request that is complete now.
    void replying_to_start() {
        Reader reader(held_);
        const std::uint32_t code = reader.u32();
        wanted_ = code == kStart && size_ == kRequest;
        skip_ = 0;
        if (code == kAuthorize && locked_) { // the reply to the start comes once more, behind it
            wanted_ = true;
            skip_ = kAuthorizeReply;
        }
        locked_ = false;
    }

    void reply(std::vector<Announcement> &out) {
        Reader reader(held_);
        reader.take(skip_);
        const std::uint32_t status = reader.u32();
        const std::uint32_t port = reader.u32();
        const std::uint32_t order = reader.u32();
        const std::uint32_t resource = reader.u32();
        if (!reader.ok())
            return;
        wanted_ = false;
        locked_ = resource > 1; // there is more than a NUL: who asks is to say who he is
        if (status == 0 && !locked_ && port > 0 && port <= 0xffff &&
            (order == kLittleEndian || order == kBigEndian))
            out.push_back({.source = parties_.address[0],
                           .target = parties_.address[1],
                           .port = static_cast<std::uint16_t>(port),
                           .l4 = IPPROTO_TCP,
                           .protocol = "sane"});
    }

    Parties parties_;
    unsigned speaker_ = 0;
    std::vector<std::uint8_t> held_; ///< the beginning of what the speaker says
    std::size_t size_ = 0;           ///< and how long it is
    std::size_t skip_ = 0;
    bool wanted_ = false; ///< a reply to a start is on its way
    bool locked_ = false; ///< the last one asked for authorization
};

} // namespace

std::unique_ptr<Parent> make_sane_parent(const Parties &parties) {
    return std::make_unique<Sane>(parties);
}

} // namespace l7
