// SPDX-License-Identifier: GPL-2.0-or-later
// What flows to a server's port have turned out to be: the next one is likely the same.
//
// Threads: all may use it at once.
#pragma once

#include <l7ctl/abi.h>

#include <cstdint>
#include <functional>
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

    /// Told when flows to a server are to be presumed to be something, every now and then again
    /// while that holds, and with nothing when it no longer does.
    using Publish = std::function<void(const l7_endpoint &, const std::optional<Verdict> &)>;

    static constexpr unsigned kAgreed = 3; ///< flows that must have agreed
    static constexpr std::uint64_t kLifeNs = 600'000'000'000;
    static constexpr std::uint64_t kAgainNs = kLifeNs / 10; ///< between two tellings of the same

    /// Room for `slots` endpoints; where there is none, what was silent longest leaves.
    explicit EndpointMemory(Publish publish = {}, std::size_t slots = 32768);

    /// A flow's own bytes led to a verdict. now_ns: any monotonic clock.
    void learn(const l7_endpoint &server, const Verdict &verdict, std::uint64_t now_ns);

    /// What the last flows to the server all were.
    std::optional<Verdict> find(const l7_endpoint &server, std::uint64_t now_ns) const;

  private:
    struct Slot {
        l7_endpoint server{};
        Verdict verdict{};
        std::uint64_t last_ns = 0;
        std::uint64_t told_ns = 0;
        unsigned agreed = 0; ///< 0: free
    };
    enum class Telling { Nothing, Holds, Ended };
    static constexpr std::size_t kWays = 4;

    Telling note(const l7_endpoint &server, const Verdict &verdict, std::uint64_t now_ns);
    std::size_t set_of(const l7_endpoint &server) const;

    Publish publish_;
    mutable std::mutex mutex_;
    std::vector<Slot> slots_; ///< sets of kWays
};

} // namespace l7
