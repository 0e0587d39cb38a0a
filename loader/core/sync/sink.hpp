// SPDX-License-Identifier: GPL-2.0-or-later
// Where another node's state is entered, and where our own is read from. The flow table's side
// implements these; replication knows nothing of kernels.
#pragma once

#include "core/base/result.hpp"
#include "core/flow/flow_state.hpp"
#include "core/sync/states.hpp"

#include <cstddef>
#include <functional>
#include <span>

namespace l7 {

/// Threads: calls may come from several, of one peer always from the same.
class ReplicaSink {
  public:
    virtual ~ReplicaSink() = default;

    /// Enters flows, parents before their children. One that is there already is replaced only by a
    /// newer one. Returns how many entered.
    virtual Result<std::size_t> put(std::span<const FlowState> flows) = 0;

    /// Their node says that they ended. One that has had packets here lives on. In direct mode
    /// only.
    virtual void gone(std::span<const l7_key>) {}

    /// The same for what else is replicated.
    virtual Result<std::size_t> expect(std::span<const ExpectationState>) { return std::size_t{0}; }
    virtual void learn(const EndpointState &) {}
    virtual void learn(const HintState &) {}
};

/// Told of every state that is ours, when replicas are made anew.
class OwnStates {
  public:
    virtual ~OwnStates() = default;
    /// untouched: it came from another node, and no packet of it was seen here; whoever else tells
    /// of it knows better.
    virtual void flow(const FlowState &, bool untouched) = 0;
    virtual void expectation(const ExpectationState &, std::string_view parent_protocol) = 0;
    virtual void endpoint(const EndpointState &) = 0;
    virtual void hint(const HintState &) = 0;
};

/// Walks all that is ours. Called from a thread of replication's.
using WalkOwn = std::function<Result<void>(OwnStates &)>;

} // namespace l7
