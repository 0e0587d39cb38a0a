// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/sdp.hpp"

#include "core/base/text.hpp"
#include "core/expect/address.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace l7 {

namespace {

constexpr std::size_t kEndsMost = 16;
constexpr unsigned kMediaMost = 16;
constexpr std::uint16_t kPairsMost = 4; ///< of one "m=" line

/// RFC 8866, 5.7: IN IP4 192.0.2.1/127/2. A name instead of an address says nothing to us, and
/// neither does the address of who is on hold (RFC 3264, 8.4).
std::optional<ChildAddress> connection(std::string_view text) {
    const bool internet = cut_word(text) == "IN";
    const std::string_view type = cut_word(text);
    const std::string_view host = cut(text, '/');
    const auto address = type == "IP4"   ? parse_ipv4(host)
                         : type == "IP6" ? parse_ipv6(host)
                                         : std::nullopt;
    return internet && address && !is_unspecified(*address) ? address : std::nullopt;
}

/// Whose protocol is RTP in one of its profiles: RTP/AVP, UDP/TLS/RTP/SAVPF, ...
bool is_rtp(std::string_view protocol) {
    return protocol.starts_with("RTP/") || protocol.starts_with("UDP/TLS/RTP/");
}

} // namespace

void SdpReader::take(std::string_view line) {
    if (line.size() < 2 || line[1] != '=')
        return;
    const std::string_view value = line.substr(2);
    if (line[0] == 'v') {
        end();
        within_ = true;
    } else if (!within_) {
        return;
    } else if (line[0] == 'c') {
        (media_ ? media_->address : session_) = connection(value);
    } else if (line[0] == 'm') {
        media(value);
    } else if (line[0] == 'a' && media_) {
        attribute(value);
    }
}

void SdpReader::end() {
    end_media();
    within_ = false;
    session_.reset();
    number_ = 0;
}

std::vector<MediaEnd> SdpReader::finish() {
    end();
    return std::move(ends_);
}

/// RFC 8866, 5.14: audio 49170/2 RTP/AVP 0
void SdpReader::media(std::string_view text) {
    end_media();
    SdpMedia &media = media_.emplace();
    media.address = session_;
    const std::string_view name = cut_word(text);
    std::string_view ports = cut_word(text);
    const std::string_view protocol = cut_word(text);
    const auto port = number_of<std::uint16_t>(cut(ports, '/'));
    const bool several = !ports.empty();
    const auto pairs = number_of<std::uint16_t>(ports);

    number_++;
    if (!port || (several && (!pairs || *pairs == 0)))
        return;
    media.port = *port;
    media.ports = std::min(pairs.value_or(1), kPairsMost);
    media.rtp = is_rtp(protocol);
    media.l4 = IPPROTO_UDP;
    if (name == "image" && (media.rtp || same_word(protocol, "udptl"))) {
        media.kind = MediaKind::Image;
    } else if (name == "image" && same_word(protocol, "tcp")) { // T.38 over TCP
        media.kind = MediaKind::Image;
        media.l4 = IPPROTO_TCP;
    } else if (media.rtp) { // also "text" (RFC 4103): it goes with the voices
        media.kind = name == "video" ? MediaKind::Video : MediaKind::Audio;
    }
}

void SdpReader::attribute(std::string_view text) {
    const std::string_view name = cut(text, ':');
    if (name == "rtcp-mux") // RFC 5761, 5.1.1
        media_->mux = true;
    if (name != "rtcp") // RFC 3605, 2.1: 53020 IN IP4 126.16.64.4
        return;
    const auto port = number_of<std::uint16_t>(cut_word(text));
    media_->rtcp_port = port.value_or(0);
    if (port && !text.empty())
        media_->rtcp_address = connection(text);
}

void SdpReader::end_media() {
    if (!media_)
        return;
    const SdpMedia media = *media_;
    media_.reset();
    if (!media.kind || media.port == 0 || !media.address || number_ > kMediaMost)
        return;
    unsigned number = number_ * 2 * kPairsMost;
    for (std::uint16_t i = 0; i < media.ports; i++, number += 2) {
        const unsigned port = media.port + 2U * i;
        const unsigned next = i == 0 && media.rtcp_port ? media.rtcp_port : port + 1;
        const auto add = [&](bool rtcp, const ChildAddress &address, unsigned at) {
            if (at <= 0xffff && ends_.size() < kEndsMost)
                ends_.push_back({*media.kind, media.l4, media.rtp, rtcp, address,
                                 static_cast<std::uint16_t>(at), number + rtcp});
        };
        add(false, *media.address, port);
        if (media.rtp && !media.mux)
            add(true, media.rtcp_address.value_or(*media.address), next);
    }
}

std::vector<MediaEnd> read_sdp_body(std::string_view content_type, std::string_view body) {
    const std::string_view type = trimmed(cut(content_type, ';'));
    const bool parts = begins_with(type, "multipart/");
    SdpReader reader;
    // Of several parts (RFC 2046, 5.1): within one's fields, and whether they say that it is SDP.
    bool fields = parts;
    bool described = !parts && same_word(type, "application/sdp");

    while (!body.empty()) {
        std::string_view line = cut_line(body);
        if (parts && line.starts_with("--")) {
            fields = true;
            described = false;
            reader.end();
        } else if (fields) {
            const std::string_view name = trimmed(cut(line, ':'));
            if (name.empty() && line.empty())
                fields = false;
            else if (same_word(name, "content-type") || same_word(name, "c"))
                described = same_word(trimmed(cut(line, ';')), "application/sdp");
        } else if (described) {
            reader.take(line);
        }
    }
    return reader.finish();
}

Announcement announcement_of(const MediaEnd &end, std::string_view parent) {
    return {.source = kAnyone,
            .target = end.address,
            .port = end.port,
            .l4 = end.l4,
            .topic = static_cast<std::uint8_t>(end.kind),
            .protocol = !end.rtp   ? parent
                        : end.rtcp ? "rtcp"
                                   : "rtp"};
}

} // namespace l7
