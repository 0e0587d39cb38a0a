// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/flow_state.hpp"

#include "core/base/key.hpp"

#include <l7ctl/tcp.h>

#include <algorithm>
#include <tuple>

namespace l7 {

bool FlowState::operator==(const FlowState &other) const {
    const auto side = [](const Side &s) { return std::tie(s.scale, s.flags, s.start, s.next); };
    const auto rest = [](const FlowState &s) {
        return std::tie(s.born_ms, s.flags, s.rules, s.rules_digest, s.verdict_packet,
                        s.verdict_sample, s.reason, s.attributes, s.protocol, s.application,
                        s.hostname);
    };
    return KeyEqual()(key, other.key) && KeyEqual()(parent, other.parent) &&
           side(sides[0]) == side(other.sides[0]) && side(sides[1]) == side(other.sides[1]) &&
           rest(*this) == rest(other);
}

FlowState state_of(const l7_key &key, const l7_flow &flow, const Knowledge &knowledge,
                   std::uint64_t rules_digest, const Clocks &clocks) {
    FlowState out;
    const std::uint64_t age = clocks.tick - flow.born;

    out.key = key;
    out.born_ms = clocks.wall_ms - std::min(clocks.wall_ms, age * 1000 / clocks.second);
    out.flags = flow.flags & L7_F_LASTING;
    for (unsigned way = 0; way < 2; way++) {
        FlowState::Side &side = out.sides[way];
        side.flags = flow.tcp[way].flags & (L7_T_SYN | L7_T_SCALE | L7_T_SACK);
        side.scale = flow.tcp[way].flags & L7_T_SYN ? flow.tcp[way].scale : 0;
        side.start = flow.start[way];
        side.next = flow.start[way] + flow.next[way];
    }
    out.rules = flow.rules_now;
    out.rules_digest = rules_digest;
    out.verdict_packet = flow.verdict_packet;
    out.verdict_sample = flow.verdict_sample;
    out.reason = flow.reason;
    out.attributes = flow.attributes;
    if (flow.protocol != L7_UNSET && !(flow.flags & L7_F_PROVISIONAL))
        out.protocol = knowledge.protocols->name(flow.protocol);
    if (flow.application && knowledge.application_numbers)
        out.application = knowledge.application_numbers->name(flow.application);
    if (knowledge.hosts)
        out.hostname = knowledge.hosts->name(flow.host);
    if (flow.parent && knowledge.expectations)
        out.parent = knowledge.expectations->parent_of(flow.parent).value_or(l7_key{});
    return out;
}

std::optional<l7_flow> flow_of(const FlowState &state, const Knowledge &knowledge,
                               std::uint64_t rules_digest, const Clocks &clocks) {
    const std::uint16_t protocol = knowledge.protocols->find(state.protocol);
    if (protocol <= L7_UNKNOWN)
        return std::nullopt;
    l7_flow out{};
    const std::uint64_t age_ms = clocks.wall_ms - std::min(clocks.wall_ms, state.born_ms);
    out.seen[0] = out.seen[1] = clocks.tick;
    out.born = clocks.tick - static_cast<std::uint32_t>(age_ms * clocks.second / 1000);
    out.protocol = protocol;
    if (!state.application.empty() && knowledge.application_numbers)
        out.application = knowledge.application_numbers->find(state.application);
    if (!state.hostname.empty() && knowledge.hosts)
        out.host = knowledge.hosts->number(state.hostname);
    if (state.parent.l4 != 0 && knowledge.expectations)
        out.parent = knowledge.expectations->child_of(state.parent);
    out.flags = (state.flags & L7_F_LASTING) | L7_F_REPLICA;
    out.reason = L7_REASON_REPLICA;
    out.attributes = state.attributes;
    out.verdict_packet = state.verdict_packet;
    out.verdict_sample = state.verdict_sample;
    if (state.rules_digest == rules_digest)
        out.rules_now = state.rules;
    for (unsigned way = 0; way < 2; way++) {
        const FlowState::Side &side = state.sides[way];
        out.tcp[way].flags = side.flags & (L7_T_SYN | L7_T_SCALE | L7_T_SACK);
        out.tcp[way].scale = side.flags & L7_T_SYN
                                 ? std::min<std::uint8_t>(side.scale, L7_TCP_LIBERAL)
                                 : std::uint8_t{L7_TCP_LIBERAL};
        out.start[way] = side.start;
        out.next[way] = side.next - side.start;
    }
    return out;
}

} // namespace l7
