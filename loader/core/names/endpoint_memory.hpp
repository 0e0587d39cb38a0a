// SPDX-License-Identifier: GPL-2.0-or-later
// What flows to a server's port have turned out to be: the next one is likely the same.
//
// Threads: all may use it at once.
#pragma once

#include <l7ctl/abi.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace l7 {

class EndpointMemory {
  public:
    struct Verdict {
        std::uint16_t protocol;
        std::uint16_t application;
        bool operator==(const Verdict &) const = default;
    };

    static constexpr unsigned kAgreed = 3; ///< flows that must have agreed
    static constexpr std::uint64_t kLifeNs = 600'000'000'000;

    /// Room for `slots` endpoints; where there is none, what was silent longest leaves.
    explicit EndpointMemory(std::size_t slots = 32768);

    /// A flow's own bytes led to a verdict. Only flows whose responder is the server are of use.
    /// now_ns: any monotonic clock.
    void learn(const l7_key &key, unsigned server, const Verdict &verdict, std::uint64_t now_ns);

    /// What the last flows to the server (end `server` of the key) all were.
    std::optional<Verdict> find(const l7_key &key, unsigned server, std::uint64_t now_ns) const;

  private:
    struct Slot {
        std::array<std::uint32_t, 4> address{};
        std::uint16_t port = 0; ///< as in the key
        std::uint8_t l4 = 0;
        std::uint8_t agreed = 0;
        Verdict verdict{};
        std::uint64_t last_ns = 0;
    };
    static constexpr std::size_t kWays = 4;

    Slot *set_of(const l7_key &key, unsigned server);
    static bool is_of(const Slot &slot, const l7_key &key, unsigned server);

    mutable std::mutex mutex_;
    std::vector<Slot> slots_; ///< sets of kWays
};

} // namespace l7
