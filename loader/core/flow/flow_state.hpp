// SPDX-License-Identifier: GPL-2.0-or-later
// A flow as files and other nodes are told of it.
#pragma once

#include "core/flow/knowledge.hpp"

#include <l7ctl/abi.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace l7 {

/// Names instead of numbers, times instead of ticks: nothing that holds on one machine only. Not
/// the windows, which the first packets teach anew, and not the counters, which are of the packets
/// that passed here.
struct FlowState {
    /// One direction of a TCP connection, as its sender's SYN and segments say.
    struct Side {
        std::uint8_t scale = 0;  ///< RFC 7323; means something with L7_T_SCALE in flags
        std::uint8_t flags = 0;  ///< L7_T_
        std::uint32_t start = 0; ///< sequence number of the first payload byte
        std::uint32_t next = 0;  ///< and of the next one wanted
    };

    l7_key key{};
    std::uint64_t born_ms = 0; ///< wall clock
    std::uint32_t flags = 0;   ///< L7_F_, those of L7_F_LASTING
    std::array<Side, 2> sides{};
    std::uint64_t rules = 0;        ///< of those that ask for an amount: which hold
    std::uint64_t rules_digest = 0; ///< of the rules that these bits are of; another's mean nothing
    std::uint16_t verdict_packet = 0;
    std::uint16_t verdict_sample = 0;
    std::uint8_t reason = 0; ///< L7_REASON_
    std::uint8_t attributes = 0;
    std::string protocol;    ///< empty: unset
    std::string application; ///< empty: none
    std::string hostname;
    l7_key parent{}; ///< of an expected child; l4 0: none

    bool operator==(const FlowState &other) const;
};

/// The clocks of one machine at one moment.
struct Clocks {
    std::uint32_t tick = 0;    ///< the kernel's jiffies, low half
    std::uint32_t second = 1;  ///< jiffies of one
    std::uint64_t wall_ms = 0; ///< since the epoch
};

/// What others are told of a flow. rules_digest: of the rules in force.
FlowState state_of(const l7_key &key, const l7_flow &flow, const Knowledge &knowledge,
                   std::uint64_t rules_digest, const Clocks &clocks);

/// The flow that a state is of, here; nothing where it has no verdict, or one of a protocol that
/// has no number here. Names of hosts get their ids.
std::optional<l7_flow> flow_of(const FlowState &state, const Knowledge &knowledge,
                               std::uint64_t rules_digest, const Clocks &clocks);

} // namespace l7
