// SPDX-License-Identifier: GPL-2.0-or-later
// What flows to a server's port have turned out to be: the next one is likely the same. Until there
// was one, what others say of the server: a hint.
//
// Threads: all may use it at once.
#pragma once

#include "core/base/fields.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace l7 {

/// What became of hints.
struct HintReport {
    std::uint64_t alive = 0;
    std::uint64_t taken = 0;
    std::uint64_t contrary = 0;   ///< a flow's own bytes said otherwise, before or afterwards
    std::uint64_t left_out = 0;   ///< too many within a second
    std::uint64_t pushed_out = 0; ///< left for newer ones

    static void fields(const auto &visit, auto &of) {
        visit("alive", of.alive);
        visit("taken", of.taken);
        visit("contrary", of.contrary);
        visit("left_out", of.left_out);
        visit("pushed_out", of.pushed_out);
    }
};

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
    static constexpr std::size_t kHints = 4096;             ///< beyond, the oldest leaves
    static constexpr unsigned kHintsASecond = 1024;         ///< new ones; beyond, they are left out

    /// Room for `slots` endpoints; where there is none, what was silent longest leaves.
    explicit EndpointMemory(Publish publish = {}, std::size_t slots = 32768);

    /// A flow's own bytes led to a verdict. now_ns: any monotonic clock.
    void learn(const l7_endpoint &server, const Verdict &verdict, std::uint64_t now_ns);

    /// Somebody says what flows to the server will be. Counts for less than any flow there was.
    void hint(const l7_endpoint &server, const Verdict &verdict, std::uint64_t now_ns);

    HintReport hints() const;

    /// What the last flows to the server all were, or what was said of it.
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

    struct Hint {
        l7_endpoint server;
        Verdict verdict;
        std::uint64_t told_ns;
    };
    struct ServerHash {
        std::size_t operator()(const l7_endpoint &server) const;
    };
    struct ServerEqual {
        bool operator()(const l7_endpoint &a, const l7_endpoint &b) const;
    };
    using Hints = std::list<Hint>; ///< the one that was told longest ago first
    using Ended = std::vector<l7_endpoint>;

    Telling note(const l7_endpoint &server, const Verdict &verdict, std::uint64_t now_ns);
    bool note_hint(const l7_endpoint &server, const Verdict &verdict, std::uint64_t now_ns,
                   Ended &ended);
    bool within_rate(std::uint64_t now_ns);
    void drop_hint(Hints::iterator at);
    std::size_t set_of(const l7_endpoint &server) const;
    const Slot *slot_of(const l7_endpoint &server, std::uint64_t now_ns) const;

    Publish publish_;
    mutable std::mutex mutex_;
    std::vector<Slot> slots_; ///< sets of kWays
    Hints hints_;
    std::unordered_map<l7_endpoint, Hints::iterator, ServerHash, ServerEqual> hint_of_;
    std::uint64_t second_ = 0; ///< in which `in_second_` new hints came
    unsigned in_second_ = 0;
    HintReport counts_;
};

} // namespace l7
