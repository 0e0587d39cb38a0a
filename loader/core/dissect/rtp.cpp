// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/rtp.hpp"

#include "core/base/reader.hpp"

#include <algorithm>
#include <array>

namespace l7 {

namespace {

constexpr std::size_t kRtpHeader = 12;
constexpr unsigned kFollowers = 2; ///< datagrams that continue another, for certainty
constexpr std::uint16_t kMostLost = 16;
constexpr unsigned kMostStrange = 2; ///< datagrams of another kind that are looked over
constexpr std::uint32_t kCookie = 0x2112a442;

bool is_stun(Bytes data) {
    Reader reader(data);
    const std::uint16_t type = reader.u16();
    const std::uint16_t size = reader.u16();
    return type < 0x4000 && reader.u32() == kCookie && size % 4 == 0 &&
           data.size() == std::size_t{20} + size;
}

/// What a channel of TURN carries; the datagram itself where it is none.
Bytes in_channel(Bytes data) {
    Reader reader(data);
    const std::uint16_t channel = reader.u16();
    const std::uint16_t size = reader.u16();
    if (channel < 0x4000 || channel > 0x4fff || !reader.ok() || size > reader.rest().size())
        return data;
    return reader.take(size);
}

/// RFC 5761, 4: what tells RTCP's packet types from RTP's payload types.
bool is_rtcp(Bytes data) {
    return data.size() >= 8 && data[0] >> 6 == 2 && data[1] >= 192 && data[1] <= 223;
}

/// The lengths of a compound packet's parts add up (RFC 3550, 6.1); SRTCP's trailer may follow.
bool is_compound(Bytes data) {
    const std::size_t whole = data.size();
    std::size_t at = 0;
    while (at + 4 <= whole && data[at] >> 6 == 2 && data[at + 1] >= 192 && data[at + 1] <= 223) {
        const std::size_t size = (std::size_t{data[at + 2]} << 8 | data[at + 3]) * 4 + 4;
        if (size > whole - at)
            return false;
        at += size;
    }
    return at == whole;
}

/// Where RTP's payload begins (RFC 3550, 5.1 and 5.3.1); 0 where the header does not fit. Sources
/// are random numbers, none its own contributor; the types that RTCP's would look like are unused
/// (RFC 5761, 4).
std::size_t payload_of(Bytes data) {
    if (data.size() <= kRtpHeader || data[0] >> 6 != 2)
        return 0;
    const std::uint8_t type = data[1] & 0x7f;
    const Bytes source = data.subspan(8, 4);
    if ((type >= 64 && type <= 95) || (source[0] == 0 && source[1] == 0 && source[2] == 0))
        return 0;
    std::size_t at = kRtpHeader + std::size_t{4} * (data[0] & 0x0fU);
    for (std::size_t i = kRtpHeader; i < at && i + 4 <= data.size(); i += 4)
        if (std::ranges::equal(data.subspan(i, 4), source))
            return 0;
    if (data[0] & 0x10) {
        if (at + 4 > data.size())
            return 0;
        at += 4 + 4 * (std::size_t{data[at + 2]} << 8 | data[at + 3]);
    }
    return at < data.size() ? at : 0;
}

class Rtp final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        if (is_stun(view.data))
            return Progress::More;
        Side &side = sides_[view.direction];
        const Bytes data = in_channel(view.data);
        if (is_rtcp(data))
            return rtcp(data, side, facts);
        if (payload_of(data) == 0)
            return ++strange_ > kMostStrange ? Progress::NotMine : Progress::More;
        Reader reader(data);
        reader.take(1);
        const std::uint8_t type = reader.u8() & 0x7f;
        const std::uint16_t sequence = reader.u16();
        reader.take(4); // the time stamp runs as the medium likes
        const std::uint32_t source = reader.u32();
        const auto step = static_cast<std::uint16_t>(sequence - side.sequence);
        if (side.seen && source == side.source && step >= 1 && step <= kMostLost) {
            if (++side.followers >= kFollowers) {
                facts.protocol = "rtp";
                facts.carrier = true; // the calls of many applications
                facts.details.emplace_back("payload-type", std::to_string(type));
                return Progress::Done;
            }
        } else if (side.seen && ++strange_ > kMostStrange) {
            return Progress::NotMine; // several sources interleave, or it is something else
        }
        side.seen = true;
        side.source = source;
        side.sequence = sequence;
        return Progress::More;
    }

  private:
    struct Side {
        bool seen = false;
        std::uint16_t sequence = 0;
        std::uint32_t source = 0;
        unsigned followers = 0;
        unsigned reports = 0;
        std::uint32_t reporter = 0;
    };

    /// Reports alone make RTCP; beside them RTP would come, so it takes several.
    Progress rtcp(Bytes data, Side &side, Facts &facts) {
        Reader reader(data.subspan(4));
        const std::uint32_t reporter = reader.u32();
        if (!is_compound(data))
            return ++strange_ > kMostStrange ? Progress::NotMine : Progress::More;
        side.reports = reporter == side.reporter ? side.reports + 1 : 1;
        side.reporter = reporter;
        if (side.reports <= kFollowers || sides_[0].seen || sides_[1].seen)
            return Progress::More;
        facts.protocol = "rtcp";
        return Progress::Done;
    }

    std::array<Side, 2> sides_;
    unsigned strange_ = 0;
};

} // namespace

bool rtp_begins(const View &view) {
    return is_stun(view.data) ||
           (view.data.size() > kRtpHeader && view.data[0] >> 6 == 2 &&
            (is_rtcp(view.data) || payload_of(view.data) != 0)) ||
           in_channel(view.data).size() != view.data.size();
}

std::unique_ptr<Dissector> make_rtp() {
    return std::make_unique<Rtp>();
}

} // namespace l7
