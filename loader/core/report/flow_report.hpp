// SPDX-License-Identifier: GPL-2.0-or-later
// A flow as people and tools see it.
#pragma once

#include "core/base/fields.hpp"
#include "core/base/key.hpp"
#include "core/flow/knowledge.hpp"

#include <l7ctl/abi.h>

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

/// What only a live flow has.
struct LiveReport {
    std::string dev; ///< where its initiator's packets are counted
    std::uint32_t mark = 0;
    std::string classid; ///< "MAJ:MIN" or ""
    double rate = 0;     ///< bytes per second over the flow's life
    std::uint32_t age_s = 0;
    std::uint32_t idle_s = 0;
    /// Of TCP, by which windows are shifted, the initiator's first; none: not known.
    std::optional<std::array<std::optional<std::uint8_t>, 2>> window_scale = {};

    static void fields(const auto &visit, auto &of) {
        visit("dev", of.dev);
        visit("mark", of.mark);
        visit("classid", of.classid);
        visit("rate", of.rate);
        visit("age", of.age_s);
        visit("idle", of.idle_s);
    }
};

struct FlowReport {
    std::string l4;
    std::string src; ///< the initiator
    std::uint16_t sport = 0;
    std::string dst;
    std::uint16_t dport = 0;
    std::string protocol;
    std::string application;
    std::string hostname;
    std::vector<std::string> attributes; ///< "tls", "starttls", "ech", "hinted"
    std::string reason;
    std::uint32_t verdict_packet = 0; ///< from 1; 0 where there is none yet
    std::uint32_t verdict_sample = 0; ///< payload packet, from 1
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::optional<l7_key> parent; ///< whose child it is
    std::optional<LiveReport> live;

    static void fields(const auto &visit, auto &of) {
        visit("l4", of.l4);
        visit("src", of.src);
        visit("sport", of.sport);
        visit("dst", of.dst);
        visit("dport", of.dport);
        visit("protocol", of.protocol);
        visit("application", of.application);
        visit("hostname", of.hostname);
        visit("attributes", of.attributes);
        visit("reason", of.reason);
        visit("verdict_packet", of.verdict_packet);
        visit("verdict_payload", of.verdict_sample);
        visit("packets", of.packets);
        visit("bytes", of.bytes);
    }
};

/// Fills all but the live part.
FlowReport report_flow(const l7_key &key, const l7_flow &flow, const Knowledge &knowledge);

/// One JSON object without a newline; keys as DESIGN and l7ctl(8) name them.
std::string to_json(const FlowReport &report);

/// One line of text with its newline.
std::string to_text(const FlowReport &report);

/// ADDRESS:PORT, an IPv6 address in brackets.
std::string end_text(const End &end);

/// A flow by its ends, where who began it is not known.
nlohmann::ordered_json key_json(const l7_key &key);
std::string key_text(const l7_key &key);

/// "pattern", "dissector", ... ; "" for none.
const char *reason_name(std::uint8_t reason);

/// "MAJ:MIN" in hexadecimal as tc prints it.
std::string classid_text(std::uint32_t classid);

} // namespace l7
