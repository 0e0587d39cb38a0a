// SPDX-License-Identifier: GPL-2.0-or-later
// Which part of each live flow has been reported already, and how it looked last: so that a long
// flow is reported in parts that add up, and one that vanishes unseen is reported all the same.
//
// Not thread-safe; time comes in as a value.
#pragma once

#include "core/base/key.hpp"

#include <l7ctl/abi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

namespace l7 {

/// Why a record was made; the numbers are IPFIX's flowEndReason (RFC 5102, 5.11.3).
enum class EndReason : std::uint8_t {
    Idle = 1,
    Active = 2,    ///< it goes on
    End = 3,       ///< FIN, RST, or a new connection on its ports
    Forced = 4,    ///< the daemon stops, or the device is detached; it may go on
    Resources = 5, ///< pushed out of a full table
};

struct FlowAmounts {
    std::array<std::uint64_t, 2> packets{};
    std::array<std::uint64_t, 2> bytes{};
};

/// A flow as it was at a moment, and what of it is new.
struct FlowClosing {
    l7_flow_entry entry;
    std::uint64_t wall_ms; ///< when `entry.now` was
    FlowAmounts amounts;
    std::uint64_t since_ms; ///< end of its last record; 0: this is the first
    EndReason reason;
};

/// What is kept of a flow over a restart of the daemon.
struct FlowMark {
    l7_key key;
    std::uint32_t born;
    std::uint32_t reserved;
    std::uint64_t since_ms;
    FlowAmounts reported;
};
static_assert(sizeof(FlowMark) == 88);

class FlowBook {
  public:
    using Emit = std::function<void(FlowClosing &&)>;

    explicit FlowBook(Emit emit) : emit_(std::move(emit)) {}

    /// A walk over all live flows: begin, every flow, end. A flow whose part is older than
    /// `active_ms` is reported; one that two walks have not met is reported as it was last.
    void begin_walk();
    void met(const l7_flow_entry &entry, std::uint64_t wall_ms, std::uint64_t active_ms);
    void end_walk();

    /// A flow that a sweep removed.
    void swept(const l7_flow_entry &entry, std::uint64_t wall_ms);

    /// A live flow that is to be reported now, whatever its age.
    void force(const l7_flow_entry &entry, std::uint64_t wall_ms);

    std::size_t size() const { return pages_.size(); }

    /// The flows of which a part was reported.
    std::vector<FlowMark> marks() const;
    void restore(std::span<const FlowMark> marks);

  private:
    struct Page {
        l7_flow flow{};
        std::uint32_t now = 0;
        std::uint32_t walk = 0;    ///< the last that met it
        std::uint64_t wall_ms = 0; ///< 0: restored, not met yet
        std::uint64_t since_ms = 0;
        std::uint64_t due_from_ms = 0; ///< when its present part began
        FlowAmounts reported;
    };

    Page &page_of(const l7_flow_entry &entry, std::uint64_t wall_ms);
    void report(const l7_key &key, Page &page, EndReason reason);
    void report_vanished(const l7_key &key, Page &page, bool replaced);

    Emit emit_;
    std::unordered_map<l7_key, Page, KeyHash, KeyEqual> pages_;
    std::uint32_t walk_ = 0;
};

} // namespace l7
