// SPDX-License-Identifier: GPL-2.0-or-later
// Peers that trackers and the hash table name; the first byte chooses who speaks. They stay within
// their bound, and any head of a message names the first of them.
#include "core/dissect/bittorrent_peers.hpp"

#include <algorithm>
#include <cstdlib>

namespace {

std::vector<l7::Peer> named(std::uint8_t who, const std::vector<std::uint8_t> &message) {
    std::vector<l7::Peer> out;
    if (who & 4)
        (void)l7::read_tracker_answer(message, out);
    else
        (void)l7::read_peer_datagram(message, who & 1, who & 2, out);
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0)
        return 0;
    // Copies of their own, so that reading beyond them is found.
    const std::vector<std::uint8_t> whole(data + 1, data + size);
    const std::vector<std::uint8_t> head(data + 1, data + 1 + (size - 1) / 2);
    const auto all = named(data[0], whole), some = named(data[0], head);
    if (all.size() > l7::kPeersMost || some.size() > all.size() ||
        !std::equal(some.begin(), some.end(), all.begin()))
        std::abort();
    for (const l7::Peer &peer : all)
        if (peer.port < 1024)
            std::abort();
    return 0;
}
