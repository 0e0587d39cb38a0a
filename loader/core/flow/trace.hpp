// SPDX-License-Identifier: GPL-2.0-or-later
// What a judge saw and thought, kept small: for `explain`.
#pragma once

#include "core/base/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace l7 {

struct TraceEvent {
    enum class Kind : std::uint8_t {
        Asked,     ///< a dissector takes the first bytes for its own; id: its index
        Declined,  ///< it was mistaken, or has nothing more to learn
        Proved,    ///< it is sure of the protocol
        Complete,  ///< it knows all it wanted
        Matched,   ///< a pattern is the best so far; id: its evidence in the database
        Announced, ///< a first verdict was given, more is awaited
        Gap,       ///< bytes are missing that will not come; id: the direction
    };
    Kind kind;
    std::uint16_t packet; ///< of the flow, from 1
    std::uint16_t id;
};

struct Trace {
    static constexpr std::size_t kBytes = 48; ///< shown of each direction
    static constexpr std::size_t kEvents = 12;

    struct Direction {
        std::array<std::uint8_t, kBytes> first;
        std::uint32_t kept = 0;  ///< of `first`
        std::uint32_t bytes = 0; ///< payload looked at
        std::uint32_t packets = 0;
    };

    std::array<Direction, 2> directions;
    std::array<TraceEvent, kEvents> events;
    std::uint32_t count = 0;   ///< of events
    std::uint32_t dropped = 0; ///< events there was no room for

    void clear() {
        for (Direction &one : directions)
            one.kept = one.bytes = one.packets = 0;
        count = dropped = 0;
    }

    void note(TraceEvent::Kind kind, std::uint16_t packet, std::size_t id = 0) {
        if (count < kEvents)
            events[count++] = {kind, packet, static_cast<std::uint16_t>(id)};
        else
            dropped++;
    }

    void saw(unsigned direction, Bytes data) {
        Direction &one = directions[direction & 1];
        const std::size_t more = std::min(kBytes - one.kept, data.size());
        std::copy_n(data.begin(), more, one.first.begin() + one.kept);
        one.kept += static_cast<std::uint32_t>(more);
        one.bytes += static_cast<std::uint32_t>(data.size());
        one.packets++;
    }
};

} // namespace l7
