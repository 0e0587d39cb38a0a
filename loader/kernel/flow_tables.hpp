// SPDX-License-Identifier: GPL-2.0-or-later
// The tables of flows: entering, finding, walking and sweeping them. What it takes is done in the
// kernel, so that no count of the packet path is overwritten.
//
// Threads: any.
#pragma once

#include "core/base/fd.hpp"
#include "core/base/result.hpp"

#include <l7ctl/abi.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>

struct control_bpf;
struct bpf_map;

namespace l7 {

class FlowTables {
  public:
    enum class Table { Flows, Newcomers };

    /// `programs` are loaded, and live longer.
    Result<void> open(control_bpf &programs);

    /// Enters flows of a file or another node; those that have a verdict of their own here keep it.
    /// One without a protocol only tells the flow of its key and birth how its windows are scaled.
    /// How many entered, were there, and found no room.
    struct Put {
        std::size_t entered = 0, kept = 0, failed = 0;
    };
    Result<Put> put(std::span<const l7_put> flows);

    /// Takes a flow out of the tables, unless packets of it have come here.
    void withdraw(const l7_key &key) const;

    /// A flow that has a verdict.
    std::optional<l7_flow> find(const l7_key &key) const;

    /// Hands every flow to `each`, without stopping anything; false from `each` ends the walk.
    Result<void> walk(Table table, const std::function<bool(const l7_flow_entry &)> &each) const;

    /// Removes flows that have ended or been idle too long; those whose verdict was not moved
    /// elsewhere go to `each`.
    Result<void> sweep(Table table, const std::function<void(const l7_flow_entry &)> &each) const;

    /// Entries of a table as its last sweep found it, and how many it has room for.
    std::uint64_t entries(Table table) const;
    std::uint64_t room(Table table) const;

    /// The kernel's jiffies, low half, within a tick or two.
    std::uint32_t tick() const;

  private:
    bpf_map *map_of(Table table) const;
    Result<void> read_iterator(const char *program, Table table,
                               const std::function<bool(const l7_flow_entry &)> &each) const;

    control_bpf *programs_ = nullptr;
    mutable std::mutex putting_;
    mutable Mapping puts_map_;                               // guarded by putting_
    mutable std::atomic<std::uint64_t> entries_[2] = {0, 0}; ///< by Table
};

} // namespace l7
