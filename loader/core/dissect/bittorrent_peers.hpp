// SPDX-License-Identifier: GPL-2.0-or-later
// Who takes part in a torrent, as those say who know: trackers over HTTP (BEP 3, 7 and 23) and UDP
// (BEP 15), and nodes of the distributed hash table (BEP 5 and 32).
#pragma once

#include "core/dissect/dissector.hpp"

namespace l7 {

/// At most so many of one message; a tracker names 50 where it is not asked for more.
constexpr std::size_t kPeersMost = 100;

/// Whether an HTTP request asks a tracker for peers, by the target of its first line.
bool asks_tracker(std::string_view target);

/// The body of the answer, or its beginning. False: more of it may name more.
bool read_tracker_answer(Bytes body, std::vector<Peer> &out);

/// A datagram of a tracker or of the hash table; direction 0 is from the one who asks the tracker,
/// ipv6 is what both speak. False where it is neither; a question names nobody.
bool read_peer_datagram(Bytes datagram, unsigned direction, bool ipv6, std::vector<Peer> &out);

} // namespace l7
