// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/parents.hpp"

namespace l7 {

namespace {

constexpr Topic kFtp[] = {{"data", 1, 300}};
constexpr Topic kIrc[] = {{"dcc", 8, 300, true}};
constexpr Topic kTftp[] = {{"transfer", 1, 300}};
constexpr Topic kPptp[] = {{"call", 2, 300}};
constexpr Topic kAmanda[] = {{"stream", 4, 180}};
// In the order of MediaKind.
constexpr Topic kSip[] = {{"audio", 4, 180},
                          {"video", 4, 180},
                          {"image", 2, 180},
                          {"registration", 4, 3600, false, true}};
// The media of a gateway never come from its call agent.
constexpr Topic kGateway[] = {
    {"audio", 4, 180, true}, {"video", 4, 180, true}, {"image", 2, 180, true}};
// By what says it: call signalling, H.245 of its own, RAS.
constexpr Topic kH323[] = {{"q931", 20, 240}, {"h245", 18, 240}, {"ras", 32, 240}};
constexpr Topic kRtsp[] = {{"stream", 8, 300}};
constexpr Topic kSane[] = {{"image", 1, 300}};

constexpr ParentKind kKinds[] = {
    {"ftp", kOverTcp, kFtp, make_ftp_parent},
    {"irc", kOverTcp, kIrc, make_irc_parent},
    {"sip", kOverTcp | kOverUdp, kSip, make_sip_parent},
    {"h323", kOverTcp | kOverUdp, kH323, make_h323_parent},
    {"tftp", kOverUdp, kTftp, make_tftp_parent},
    {"rtsp", kOverTcp | kOverUdp, kRtsp, make_rtsp_parent},
    {"pptp", kOverTcp, kPptp, make_pptp_parent},
    {"amanda", kOverUdp, kAmanda, make_amanda_parent},
    {"sane", kOverTcp, kSane, make_sane_parent},
    {"mgcp", kOverUdp, kGateway, make_mgcp_parent},
    {"megaco", kOverTcp | kOverUdp, kGateway, make_megaco_parent},
};

} // namespace

std::span<const ParentKind> parent_kinds() {
    return kKinds;
}

} // namespace l7
