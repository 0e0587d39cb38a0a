// SPDX-License-Identifier: GPL-2.0-or-later
// The hosts with most traffic among flows that are shown to it one by one, in bounded memory.
//
// Where there are more hosts than are kept, those with least so far are forgotten, and begin at
// nothing when they come again: a host is then shown with less than it has, never with more. One
// thread.
#pragma once

#include <l7ctl/abi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace l7 {

struct RankedHost {
    std::array<std::uint8_t, 16> address{}; ///< IPv4 mapped, as in a flow's key
    std::uint8_t family = 0;                ///< 4 or 6
    std::uint32_t name = 0;                 ///< id of the name it was last asked by; 0: none
    std::uint64_t bytes_per_s = 0, bytes = 0, flows = 0;
};

/// "192.0.2.1", "2001:db8::1"
std::string address_text(const RankedHost &host);

class HostRanking {
  public:
    static constexpr std::size_t kShown = 20;
    static constexpr std::size_t kMost = 16384; ///< hosts at once; about 2 MB
    static constexpr std::size_t kKept = kMost / 4;

    /// `second`: ticks of one. `seed`: anything, so that nobody outside can choose addresses that
    /// meet in one bucket.
    HostRanking(std::uint32_t second, std::uint64_t seed);

    /// Both its ends have what the flow has.
    void add(const l7_flow_entry &entry);

    enum class By { Rate, Amount };
    std::vector<RankedHost> top(By by) const;

    std::uint64_t flows() const { return flows_; }
    std::uint64_t forgotten() const { return forgotten_; } ///< hosts, each time it was

  private:
    static constexpr std::size_t kSlots = 2 * kMost; ///< a power of two

    RankedHost &slot_of(const std::array<std::uint8_t, 16> &address);
    std::vector<RankedHost> all() const;
    void forget_least();

    std::uint32_t second_;
    std::uint64_t seed_;
    std::uint64_t flows_ = 0, forgotten_ = 0;
    std::size_t hosts_ = 0;
    std::vector<RankedHost> slots_; ///< without flows: free; by hash, and those after it
};

} // namespace l7
