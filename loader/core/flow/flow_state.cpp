// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/flow_state.hpp"

#include "core/flow/key.hpp"

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

} // namespace l7
