// SPDX-License-Identifier: GPL-2.0-or-later
// What one peer has: its flows and what else it replicates, as encoded records.
//
// Threads: all may use it. Times are of any monotonic clock.
#pragma once

#include "core/policy/config.hpp"
#include "core/sync/record.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace l7 {

struct CacheReport {
    std::uint64_t flows = 0;
    std::uint64_t expectations = 0;
    std::uint64_t others = 0; ///< endpoints and hints
    std::uint64_t bytes = 0;
    std::uint64_t malformed = 0; ///< were refused
    std::uint64_t no_room = 0;   ///< the same, for the bound on memory
    std::uint64_t expired = 0;   ///< left because their time was up and the peer silent
    bool complete = true;        ///< nothing was refused for want of room since the last full read
};

class ExternalCache {
  public:
    ExternalCache(std::size_t bytes_max, const TimeoutConfig &timeouts)
        : bytes_max_(bytes_max), timeouts_(timeouts) {}

    /// What an entry takes besides its key and record.
    static constexpr std::size_t kOverhead = 144;

    /// False, and counted, where it is malformed or there is no room.
    bool put(std::string_view key, std::string_view record, std::uint64_t now_ms);
    void remove(std::string_view key);
    void clear();

    /// Between these all that the peer has is put again; what was not is gone.
    void begin_full_read();
    void end_full_read();

    /// Removes what would have ended by itself when nothing was heard of the peer since alive_ms,
    /// and expectations and the like whose time is up by the wall clock.
    void expire(std::uint64_t now_ms, std::uint64_t alive_ms, std::uint64_t wall_ms);

    using Each = std::function<void(std::string_view key, std::string_view record)>;
    /// Under the cache's lock.
    void each(const Each &each) const;

    /// Whether something was refused for want of room, and now there is some.
    bool wants_full_read() const;

    CacheReport report() const;

  private:
    struct Entry {
        std::string record;
        std::uint64_t arrived_ms = 0;
        std::uint64_t until_ms = 0; ///< of the wall clock; 0: a flow
        std::uint32_t idle_s = 0;   ///< of a flow: how long it lives unheard of
        std::uint32_t read = 0;     ///< the full read it was last put in
    };
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    using Map = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

    bool judge(std::string_view key, std::string_view record, Entry &out) const;
    bool again(std::string_view key, std::string_view record, std::uint64_t now_ms);
    Map::iterator erase(Map::iterator at);
    std::uint64_t &count_of(std::string_view key);

    const std::size_t bytes_max_;
    const TimeoutConfig timeouts_;
    mutable std::mutex mutex_; // guards what follows
    Map entries_;
    CacheReport counts_;
    std::uint32_t read_ = 0;
};

/// How long a flow is believed to live without a packet, in seconds.
std::uint32_t idle_limit_s(const FlowState &state, const TimeoutConfig &timeouts);

} // namespace l7
