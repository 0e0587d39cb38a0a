// SPDX-License-Identifier: GPL-2.0-or-later
// The flow table as other nodes, and files, see it: states go out of it and come into it.
//
// Threads: any.
#pragma once

#include "core/sync/sink.hpp"
#include "daemon/parts/catalog.hpp"
#include "kernel/state.hpp"
#include "sync/replication.hpp"

#include <optional>

namespace l7 {

class ReplicaTable : public ReplicaSink {
  public:
    ReplicaTable(KernelState &kernel, const CatalogHolder &catalogs)
        : kernel_(kernel), catalogs_(catalogs) {}

    /// What became of flows that were to enter.
    struct Entered {
        std::size_t entered = 0;
        std::size_t kept = 0;    ///< have a verdict of their own here
        std::size_t failed = 0;  ///< found no room
        std::size_t skipped = 0; ///< have a protocol that is not known here
    };
    Result<Entered> enter(std::span<const FlowState> flows);

    Result<std::size_t> put(std::span<const FlowState> flows) override;
    void gone(std::span<const l7_key> flows) override;
    Result<std::size_t> expect(std::span<const ExpectationState> expected) override;
    void learn(const EndpointState &server) override;
    void learn(const HintState &hint) override;

    /// Of expectations that another node's parent announced.
    static constexpr std::string_view kTopic = "replica";

    /// Tells peers what is expected, or no longer, what a server's flows are, and what
    /// DNS answers said.
    void tell(Replication &sync, const ExpectationEntry &entry, bool alive) const;
    void tell(Replication &sync, const l7_endpoint &server,
              const EndpointMemory::Verdict &verdict) const;
    void tell(Replication &sync, const DnsHints::Address &address, const DnsHints::Hint &hint,
              std::uint32_t ttl_s) const;

    /// A flow of ours as it is now; nothing where it has no verdict that names a protocol.
    std::optional<FlowState> state(const l7_key &key) const;

    /// Every one of them, and what is expected.
    Result<void> walk(OwnStates &into) const;

  private:
    ExpectationState state(const ExpectationEntry &entry) const;
    std::string parent_protocol(const ExpectationEntry &entry) const;

    KernelState &kernel_;
    const CatalogHolder &catalogs_;
};

/// As the last packet's and this machine's clocks go now.
Clocks clocks_now(std::uint32_t tick);

} // namespace l7
