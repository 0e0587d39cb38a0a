// SPDX-License-Identifier: GPL-2.0-or-later
// What a flow was, from one report of it to the next: the value that is exported.
#pragma once

#include "core/flow/knowledge.hpp"
#include "core/report/flow_book.hpp"

#include <l7ctl/abi.h>

#include <array>
#include <cstdint>
#include <string>

namespace l7 {

/// A device a flow's packets passed, where that is known.
struct Interface {
    std::uint32_t index = 0;
    std::string name;
};

/// Direction 0 is from the initiator, as everywhere.
struct FlowRecord {
    std::array<std::uint8_t, 16> source{}; ///< IPv4: the first four bytes
    std::array<std::uint8_t, 16> target{};
    std::uint16_t sport = 0;
    std::uint16_t dport = 0;
    std::uint8_t l4 = 0;
    std::uint8_t family = 4;
    EndReason end = EndReason::Idle;
    bool midstream = false; ///< its beginning was not seen: who began it is a guess
    std::array<std::uint8_t, 2> tcp_flags{}; ///< SYN, FIN and RST as in TCP's header
    FlowAmounts amounts;                     ///< since the flow's last record
    std::uint64_t first_ms = 0;              ///< since 1970: the flow's first packet
    std::uint64_t start_ms = 0;              ///< where this record begins
    std::uint64_t end_ms = 0;                ///< the last packet
    std::uint16_t protocol_number = 0;
    std::uint16_t application_number = 0;
    std::string protocol, application, hostname, reason;
    Interface ingress, egress;
};

/// Makes a record of what the book says. `attachments` are the kernel's, by attachment point;
/// `ticks` are jiffies in a second.
FlowRecord make_record(const FlowClosing &closing, const Knowledge &knowledge,
                       const std::vector<l7_attachment> &attachments, std::uint32_t ticks);

/// One JSON object without a newline; keys as l7ctl(8) names them.
std::string to_json(const FlowRecord &record);

/// "idle", "active", "end", "forced", "resources".
const char *end_reason_name(EndReason reason);

/// An address of a record as text.
std::string address_text(const std::array<std::uint8_t, 16> &address, std::uint8_t family);

} // namespace l7
