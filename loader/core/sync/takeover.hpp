// SPDX-License-Identifier: GPL-2.0-or-later
// What is entered at a takeover, and in which order: of each flow the newest of all peers, parents
// before their children, then what they expect, then the rest.
#pragma once

#include "core/base/fields.hpp"
#include "core/base/key.hpp"
#include "core/base/result.hpp"
#include "core/sync/record.hpp"
#include "core/sync/sink.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace l7 {

struct TakeoverReport {
    std::uint64_t flows = 0;   ///< that peers had
    std::uint64_t entered = 0; ///< of them; the others were there already, and as new
    std::uint64_t expectations = 0;
    std::uint64_t expectations_entered = 0;
    std::uint64_t others = 0; ///< endpoints and hints
    std::uint64_t malformed = 0;
    std::uint64_t expired = 0; ///< expectations and the like whose time is up
    std::uint64_t took_us = 0;

    double took_ms() const { return static_cast<double>(took_us) / 1000; }

    static void fields(const auto &visit, auto &of) {
        visit("flows", of.flows);
        visit("entered", of.entered);
        visit("expectations", of.expectations);
        visit("expectations_entered", of.expectations_entered);
        visit("others", of.others);
        visit("malformed", of.malformed);
        visit("expired", of.expired);
        visit("took_ms", of.took_ms());
    }
};

class Takeover {
  public:
    static constexpr std::size_t kSlice = 1024; ///< flows handed to the sink at once
    static constexpr std::size_t kDepth = 4;    ///< generations that are put in order

    /// A peer's; in any order.
    void add(std::string_view key, std::string_view record);

    /// Enters all that was added. wall_ms: now.
    Result<TakeoverReport> enter(ReplicaSink &sink, std::uint64_t wall_ms);

  private:
    std::size_t depth_of(const FlowState &state) const;
    Result<void> enter_flows(ReplicaSink &sink);
    Result<void> enter_rest(ReplicaSink &sink, std::uint64_t wall_ms);

    std::unordered_map<l7_key, DatedFlow, KeyHash, KeyEqual> flows_;
    std::vector<ExpectationState> expectations_;
    std::vector<EndpointState> endpoints_;
    std::vector<HintState> hints_;
    TakeoverReport report_;
};

} // namespace l7
