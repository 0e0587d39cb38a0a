// SPDX-License-Identifier: GPL-2.0-or-later
// SDP (RFC 8866): where its sender waits for media.
#pragma once

#include "core/expect/parent.hpp"

#include <optional>
#include <string_view>

namespace l7 {

/// In the order of the topics of those that carry SDP.
enum class MediaKind : std::uint8_t { Audio, Video, Image };

struct MediaEnd {
    MediaKind kind;
    std::uint8_t l4;
    bool rtp;  ///< or RTCP; else what the description calls something else, as T.38's udptl
    bool rtcp; ///< of an RTP stream
    ChildAddress address;
    std::uint16_t port;
    unsigned number; ///< tells the ends of one description apart, the same from one to the next
};

/// What an "m=" line and those behind it say.
struct SdpMedia {
    std::optional<MediaKind> kind;
    std::uint8_t l4 = 0;
    bool rtp = false;
    std::uint16_t port = 0;
    std::uint16_t ports = 1; ///< pairs of them
    std::optional<ChildAddress> address;
    std::optional<ChildAddress> rtcp_address;
    std::uint16_t rtcp_port = 0; ///< 0: the next after the media's
    bool mux = false;            ///< RTCP goes with RTP
};

/// Reads descriptions line by line; each begins with "v=", and before it nothing is one.
class SdpReader {
  public:
    void take(std::string_view line);
    /// What follows is not the description's any more.
    void end();

    /// All that was described so far; no more than a bound.
    std::vector<MediaEnd> finish();

  private:
    void media(std::string_view text);
    void attribute(std::string_view text);
    void end_media();

    bool within_ = false;
    std::optional<ChildAddress> session_;
    std::optional<SdpMedia> media_;
    unsigned number_ = 0; ///< of the media
    std::vector<MediaEnd> ends_;
};

/// What a description of the body's alone says, or of the part of it that is one, by the
/// Content-Type.
std::vector<MediaEnd> read_sdp_body(std::string_view content_type, std::string_view body);

/// Anyone may send to it: the description does not say who will.
Announcement announcement_of(const MediaEnd &end, std::string_view parent);

} // namespace l7
