// SPDX-License-Identifier: GPL-2.0-or-later
// Every parent of child connections, and the policy for what they announce: the first byte chooses
// kind and transport, each piece has its direction and length in front. A stream that comes in
// single bytes must announce the same as in those pieces, and no bound may be passed.
#include "core/expect/policy.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

using namespace l7;

Parties parties(bool ipv6, std::uint8_t l4) {
    Parties out{{}, {40000, 5060}, l4};
    for (unsigned i = 0; i < 2; i++) {
        out.address[i][10] = out.address[i][11] = ipv6 ? 0 : 0xff;
        out.address[i][0] = ipv6 ? 0x20 : 0;
        out.address[i][12] = i == 0 ? 192 : 198;
        out.address[i][15] = 1;
    }
    return out;
}

void check(const ParentKind &kind, const Parties &between,
           const std::vector<Announcement> &announced) {
    Announcements alive(kind.topics, between);
    ExpectCounters counters;
    std::size_t most = 0;
    for (const Topic &topic : kind.topics)
        most += topic.most;
    std::uint64_t now = 0;
    for (const Announcement &one : announced) {
        if (one.protocol.empty() || one.l4 == 0 || one.topic >= kind.topics.size())
            std::abort();
        now += 1'000'000'001;
        const auto admitted = alive.admit(one, now, {(now & 8) != 0, (now & 16) != 0}, counters);
        if (alive.alive(now) > most || (admitted && admitted->expires_ns <= now))
            std::abort();
        if (translate(one, between, between) != one)
            std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size < 2)
        return 0;
    const auto kinds = parent_kinds();
    const ParentKind &kind = kinds[(data[0] & 15) % kinds.size()];
    const bool can_tcp = kind.transports & 1U << static_cast<unsigned>(Transport::Tcp);
    const bool can_udp = kind.transports & 1U << static_cast<unsigned>(Transport::Udp);
    const bool tcp = can_tcp && (!can_udp || (data[0] & 16));
    const Parties between = parties(data[0] & 32, tcp ? IPPROTO_TCP : IPPROTO_UDP);
    const auto whole = kind.make(between), bytewise = kind.make(between);
    std::vector<Announcement> announced, by_bytes;

    for (std::size_t at = 1; at + 2 < size;) {
        const unsigned direction = data[at] & 1;
        const std::size_t length = std::min<std::size_t>(
            (std::size_t{data[at]} >> 1 << 8 | data[at + 1]) + 1, size - at - 2);
        // A copy of its own, so that reading beyond it is found.
        const std::vector<std::uint8_t> piece(data + at + 2, data + at + 2 + length);
        at += 2 + length;
        whole->take({direction, piece}, announced);
        if (tcp)
            for (const std::uint8_t &byte : piece)
                bytewise->take({direction, Bytes(&byte, 1)}, by_bytes);
    }
    if (tcp && announced != by_bytes)
        std::abort();
    check(kind, between, announced);
    return 0;
}
