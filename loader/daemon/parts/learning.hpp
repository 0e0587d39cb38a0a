// SPDX-License-Identifier: GPL-2.0-or-later
// What is learnt from traffic (hosts, verdicts, DNS answers, servers, expectations): it outlives a
// reload, and is told to the kernel and to other nodes as it is learnt.
//
// Threads: one gives; workers learn.
#pragma once

#include "daemon/parts/catalog.hpp"
#include "daemon/parts/flow_sync.hpp"
#include "daemon/parts/replica_table.hpp"
#include "daemon/parts/translator.hpp"
#include "kernel/state.hpp"

#include <memory>

namespace l7 {

class Learning {
  public:
    Learning(const KernelState &kernel, const ReplicaTable &replicas, const FlowSync &sync)
        : kernel_(kernel), replicas_(replicas), sync_(sync) {}

    /// Gives a new catalog what was learnt under the one `before`, if there was one; what its
    /// configuration turns off is forgotten.
    void give(Catalog &catalog, const Catalog *before);

  private:
    void expected(const ExpectationEntry &entry, bool alive) const;
    std::shared_ptr<DnsHints> new_hints() const;
    std::shared_ptr<EndpointMemory> new_endpoints() const;

    const KernelState &kernel_;
    const ReplicaTable &replicas_;
    const FlowSync &sync_;
    Translator translator_;
};

} // namespace l7
