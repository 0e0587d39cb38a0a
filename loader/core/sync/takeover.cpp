// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/takeover.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>

namespace l7 {

void Takeover::add(std::string_view key, std::string_view record) {
    const auto kind = kind_of(key);
    bool good = false;
    if (kind == RecordKind::Flow) {
        if (auto flow = decode_flow(key, record)) {
            good = true;
            const auto [at, fresh] = flows_.try_emplace(flow->state.key, *flow);
            const auto age = [](const DatedFlow &of) {
                return std::tie(of.state.born_ms, of.changed_ms);
            };
            if (!fresh && age(at->second) < age(*flow))
                at->second = std::move(*flow);
        }
    } else if (kind == RecordKind::Expectation) {
        if (auto state = decode_expectation(key, record))
            good = true, expectations_.push_back(std::move(*state));
    } else if (kind == RecordKind::Endpoint) {
        if (auto state = decode_endpoint(key, record))
            good = true, endpoints_.push_back(std::move(*state));
    } else if (kind == RecordKind::Hint) {
        if (auto state = decode_hint(key, record))
            good = true, hints_.push_back(std::move(*state));
    }
    report_.malformed += !good;
}

/// How many of its ancestors are entered as well; a ring of parents, which nobody honest sends,
/// ends at the bound.
std::size_t Takeover::depth_of(const FlowState &state) const {
    const FlowState *at = &state;
    std::size_t depth = 0;
    while (at->parent.l4 != 0 && depth < kDepth - 1) {
        const auto parent = flows_.find(at->parent);
        if (parent == flows_.end())
            break;
        at = &parent->second.state;
        depth++;
    }
    return depth;
}

Result<void> Takeover::enter_flows(ReplicaSink &sink) {
    std::array<std::vector<FlowState>, kDepth> generations;
    for (auto &[key, flow] : flows_) {
        auto &generation = generations[depth_of(flow.state)];
        generation.push_back(flow.state);
    }
    report_.flows = flows_.size();
    for (const auto &generation : generations)
        for (std::size_t at = 0; at < generation.size(); at += kSlice) {
            const auto entered = sink.put(
                std::span(generation).subspan(at, std::min(kSlice, generation.size() - at)));
            if (!entered)
                return entered.error();
            report_.entered += *entered;
        }
    return {};
}

Result<void> Takeover::enter_rest(ReplicaSink &sink, std::uint64_t wall_ms) {
    const auto fresh = [&](auto &states) {
        report_.expired +=
            std::erase_if(states, [&](const auto &state) { return state.until_ms <= wall_ms; });
    };
    fresh(expectations_);
    fresh(endpoints_);
    fresh(hints_);
    report_.expectations = expectations_.size();
    if (!expectations_.empty()) {
        const auto entered = sink.expect(expectations_);
        if (!entered)
            return entered.error();
        report_.expectations_entered = *entered;
    }
    for (const EndpointState &state : endpoints_)
        sink.learn(state);
    for (const HintState &state : hints_)
        sink.learn(state);
    report_.others = endpoints_.size() + hints_.size();
    return {};
}

Result<TakeoverReport> Takeover::enter(ReplicaSink &sink, std::uint64_t wall_ms) {
    if (auto entered = enter_flows(sink); !entered)
        return entered.error();
    if (auto entered = enter_rest(sink, wall_ms); !entered)
        return entered.error();
    return report_;
}

} // namespace l7
