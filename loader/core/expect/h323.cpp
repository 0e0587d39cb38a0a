// SPDX-License-Identifier: GPL-2.0-or-later
// H.323: call signalling (H.225.0 in Q.931's form), H.245 within it, beside it or of its own, and
// RAS.
#include "core/expect/address.hpp"
#include "core/expect/h323_types.hpp"
#include "core/expect/parents.hpp"
#include "core/expect/tpkt.hpp"

#include "core/base/reader.hpp"

#include <netinet/in.h>

#include <utility>

namespace l7 {

namespace {

// The topics: what a connection is bounds what it announces.
constexpr std::uint8_t kQ931 = 0;
constexpr std::uint8_t kH245 = 1;
constexpr std::uint8_t kRas = 2;

constexpr std::uint8_t kQ931Discriminator = 0x08;
constexpr std::uint8_t kCallReferenceSize = 2; ///< H.225.0, 7.2.2.2
constexpr std::uint8_t kUserUser = 0x7e;
constexpr std::uint8_t kX680 = 0x05;   ///< how the user-user information is encoded
constexpr std::size_t kFoundMost = 32; ///< in one message

/// H.245 has no message that begins like this: one of its 0x08 (requestMode) is followed by 0x00
/// or 0x80.
bool is_q931(Bytes packet) {
    return packet.size() > 2 && packet[0] == kQ931Discriminator && packet[1] == kCallReferenceSize;
}

/// The ASN.1 in a Q.931 message (H.225.0, 7.2.2.31).
Bytes user_information(Bytes packet) {
    Reader reader(packet);
    reader.take(5); // discriminator, call reference, message type
    while (reader.ok() && !reader.at_end()) {
        const std::uint8_t element = reader.u8();
        if (element & 0x80) // an element of one octet
            continue;
        if (element != kUserUser) {
            reader.vector(1);
            continue;
        }
        const Bytes content = reader.vector(2);
        if (reader.ok() && !content.empty() && content[0] == kX680)
            return content.subspan(1);
    }
    return {};
}

/// Makes addresses into announcements.
class Finder final : public PerSink {
  public:
    Finder(std::uint8_t topic, std::vector<Announcement> &out)
        : topic_(topic), out_(out), most_(out.size() + kFoundMost) {}

    void found(std::uint8_t in, std::uint8_t as, Bytes bytes, std::uint64_t number) override {
        const auto mark = static_cast<H323Mark>(in);
        switch (static_cast<H323Role>(as)) {
        case H323Role::None:
            break;
        case H323Role::Ipv4:
        case H323Role::Ipv6:
            address_ = from_bytes(bytes);
            break;
        case H323Role::Port:
            if (address_ && number != 0)
                announce(mark, *address_, static_cast<std::uint16_t>(number));
            address_.reset();
            break;
        case H323Role::DataType:
            of_media_ = number == kVideoData || number == kAudioData;
            break;
        case H323Role::Nested:
            if (mark == H323Mark::FastStart)
                message(bytes, kOpenLogicalChannel);
            else if (mark == H323Mark::H245Control)
                control(bytes);
            break;
        }
    }

    /// What a message says counts if all of it was understood. The bytes behind it; of one that
    /// was not, none.
    Bytes message(Bytes bytes, const PerType &type) {
        const std::size_t before = out_.size();
        PerReader reader(bytes);
        walk(reader, type, *this);
        if (!reader.ok())
            out_.erase(out_.begin() + static_cast<long>(before), out_.end());
        return reader.rest();
    }

    /// H.245 messages, one or several.
    void control(Bytes bytes) {
        while (!bytes.empty()) {
            of_media_ = true; // an answer does not say
            bytes = message(bytes, kMultimediaSystemControlMessage);
        }
    }

  private:
    void announce(H323Mark mark, const ChildAddress &address, std::uint16_t port) {
        const bool udp = mark == H323Mark::RasAddress || mark == H323Mark::MediaChannel ||
                         mark == H323Mark::MediaControlChannel;
        if (mark == H323Mark::None || out_.size() >= most_)
            return;
        out_.push_back({.source = kAnyone,
                        .target = address,
                        .port = port,
                        .l4 = static_cast<std::uint8_t>(udp ? IPPROTO_UDP : IPPROTO_TCP),
                        .topic = topic_,
                        .protocol = mark == H323Mark::MediaChannel && of_media_          ? "rtp"
                                    : mark == H323Mark::MediaControlChannel && of_media_ ? "rtcp"
                                                                                         : "h323"});
    }

    std::uint8_t topic_;
    std::vector<Announcement> &out_;
    std::size_t most_;
    std::optional<ChildAddress> address_;
    bool of_media_ = true; ///< the channel at hand is RTP's
};

class H323 final : public Parent {
  public:
    explicit H323(const Parties &parties) : stream_(parties.l4 == IPPROTO_TCP) {}

    void take(const Utterance &said, std::vector<Announcement> &out) override {
        if (!stream_) {
            Finder(kRas, out).message(said.data, kRasMessage);
            return;
        }
        Bytes data = said.data;
        while (const auto packet = packets_[said.direction].next(data)) {
            const bool signalling = is_q931(*packet);
            Finder finder(signalling ? kQ931 : kH245, out);
            if (signalling)
                finder.message(user_information(*packet), kH323UserInformation);
            else
                finder.control(*packet);
        }
    }

    bool finished() const override { return packets_[0].lost() && packets_[1].lost(); }

  private:
    bool stream_;
    std::array<TpktReader, 2> packets_;
};

} // namespace

std::unique_ptr<Parent> make_h323_parent(const Parties &parties) {
    return std::make_unique<H323>(parties);
}

} // namespace l7
