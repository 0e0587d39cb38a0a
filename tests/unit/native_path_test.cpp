// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/native_path.hpp"
#include "core/flow/judge.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace l7;
using namespace l7::test;

TEST_CASE("connections on the same ports are told apart, however coarse the clock") {
    constexpr std::uint8_t kSyn = 0x02, kAck = 0x10, kFin = 0x11;
    std::set<std::uint32_t> born;
    NativePath path({}, [&](const Sample &sample) { born.insert(sample.head.born); });
    for (unsigned connection = 0; connection < 3; connection++)
        for (const std::uint8_t flags : {kSyn, kAck, kFin}) {
            Packet packet;
            packet.flags = flags;
            packet.seq = flags == kSyn ? 1000 : flags == kAck ? 1001 : 1006;
            packet.payload = bytes_of(flags == kAck ? "hello" : "");
            const Buffer data = build(packet);
            path.packet(data.data(), data.size(), static_cast<std::uint32_t>(data.size()),
                        5'000'000'000, false);
        }
    CHECK(path.counters().flows_restarted == 2);
    CHECK(born.size() == 3);
}
