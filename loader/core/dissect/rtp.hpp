// SPDX-License-Identifier: GPL-2.0-or-later
// RTP and RTCP (RFC 3550) by what stays and what counts over several datagrams; on their own,
// behind STUN (RFC 8489), or in TURN's channels (RFC 8656, 12).
#pragma once

#include "core/dissect/dissector.hpp"

namespace l7 {

bool rtp_begins(const View &view);
std::unique_ptr<Dissector> make_rtp();

} // namespace l7
