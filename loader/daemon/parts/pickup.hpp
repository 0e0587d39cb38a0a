// SPDX-License-Identifier: GPL-2.0-or-later
// TCP connections that ran before we saw them, and what the kernel's connection tracking knows of
// them: by their mark, where we write marks, what they are; and their window scales, where the
// packet path cannot look them up itself (bpf/conntrack.h).
//
// Threads: one of its own asks, kPerSecond times at most; all may use it.
#pragma once

#include "core/report/reports.hpp"
#include "daemon/parts/catalog.hpp"
#include "kernel/state.hpp"
#include "net/conntrack.hpp"

#include <l7ctl/abi.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace l7 {

class Pickup {
  public:
    static constexpr std::size_t kQueue = 4096;
    static constexpr unsigned kPerSecond = 1000;

    /// The connection tracking and the flow table, which tests have others of.
    struct World {
        std::function<Result<std::optional<Tracked>>(const l7_key &)> ask;
        std::function<Result<void>(const l7_put &)> put;
        std::function<bool()> scaled;          ///< the packet path has looked up the scales
        std::function<std::uint64_t()> now_ns; ///< any monotonic clock
    };

    Pickup(World world, const CatalogHolder &catalogs);
    ~Pickup();
    Pickup(const Pickup &) = delete;
    Pickup &operator=(const Pickup &) = delete;

    /// A record of a flow. Costs next to nothing where it is not one of a connection met midway.
    void met(const l7_record &head);

    PickupReport report() const;

  private:
    struct Connection {
        l7_key key;
        std::uint32_t born;
        unsigned initiator; ///< end of the key, as the flow has it
    };

    void run();
    bool next(Connection &connection);
    bool allowed();
    void ask(const Connection &connection, const Catalog &catalog);
    std::uint16_t name(l7_flow &flow, const Connection &connection, std::uint32_t mark,
                       const Catalog &catalog) const;
    void count(std::uint64_t PickupReport::*what);

    const World world_;
    const CatalogHolder &catalogs_;
    std::array<std::atomic<std::uint64_t>, 4096> recent_{}; ///< direct-mapped: who was met
    std::uint64_t second_ns_ = 0; ///< of the thread: when this second began
    unsigned this_second_ = 0;    ///< and how often it has asked in it

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Connection> queue_; ///< to be asked about; guarded by mutex_, as what follows
    PickupReport counts_;
    bool stop_ = false;
    std::thread thread_;
};

/// This machine's. The socket is the thread's that asks first.
Pickup::World kernels_world(KernelState &kernel);

} // namespace l7
