// SPDX-License-Identifier: GPL-2.0-or-later
// Verdicts on their way into the marks of tracked connections, for nftables and conntrackd.
//
// A connection has one mark, whatever device and second: it gets that of the first rule that asks
// for nothing but what the flow is. Threads: one of its own writes; all may use it.
#pragma once

#include "core/report/reports.hpp"
#include "daemon/parts/catalog.hpp"
#include "kernel/state.hpp"

#include <l7ctl/abi.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace l7 {

class ConntrackMarks {
  public:
    ConntrackMarks(const KernelState &kernel, const CatalogHolder &catalogs);
    ~ConntrackMarks();
    ConntrackMarks(const ConntrackMarks &) = delete;
    ConntrackMarks &operator=(const ConntrackMarks &) = delete;

    /// Another catalog is in force: the connections of all live flows are marked by it.
    void use(const Catalog &catalog);

    /// A verdict that is in force. Costs nothing where marks are not wanted.
    void judged(const l7_verdict &verdict);

    /// Nothing where marks are not wanted.
    std::optional<ConntrackReport> report() const;

  private:
    struct Task {
        l7_verdict verdict;
        unsigned tries = 0;
        std::uint64_t due_ns = 0;
    };
    class Writer;

    void run();
    bool next(Task &task, bool &walk);
    Result<void> walk(Writer &writer, const Catalog &catalog);
    void write(Writer &writer, const Catalog &catalog, Task task);

    const KernelState &kernel_;
    const CatalogHolder &catalogs_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> queue_; ///< at once; guarded by mutex_, as what follows
    std::deque<Task> again_; ///< by due_ns: not tracked yet when it was tried
    ConntrackReport counts_;
    bool wanted_ = false;
    bool walk_ = false;
    bool stop_ = false;
    std::thread thread_;
};

} // namespace l7
