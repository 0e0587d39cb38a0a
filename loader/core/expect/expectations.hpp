// SPDX-License-Identifier: GPL-2.0-or-later
// The connections that are expected, of all parents, and which child is whose.
#pragma once

#include "core/base/key.hpp"
#include "core/expect/parent.hpp"

#include <l7ctl/abi.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace l7 {

/// What a child begins with.
struct ChildVerdict {
    std::uint16_t protocol = L7_UNSET;
    std::uint16_t application = 0;
    std::uint32_t host = 0;
    std::uint8_t attributes = 0;
    std::uint8_t flags = 0; ///< L7_X_
};

/// One that is expected, or has come.
struct ExpectationEntry {
    std::uint32_t id;
    l7_key parent;
    l7_expected expected;
    std::uint16_t sport = 0; ///< host byte order; 0: any
    ChildVerdict verdict;
    std::string_view topic;
    std::uint64_t expires_ns;
    std::uint32_t met = 0; ///< children that came of it
};

l7_expected expected_of(const Announcement &announcement);

/// As the packet path has it.
l7_expectation expectation_of(const ExpectationEntry &entry);

/// Threads: any. Bounded: where there is no room, the oldest leaves.
class Expectations {
  public:
    /// Told what the packet path is to expect, and what it no longer is.
    using Publish = std::function<void(const ExpectationEntry &, bool alive)>;

    static constexpr std::size_t kKept = 65536;

    /// Ids follow `last_id`.
    explicit Expectations(Publish publish = {}, std::uint32_t last_id = 0);

    /// now_ns, expires_ns: CLOCK_MONOTONIC, or a capture's clock.
    void add(const l7_key &parent, const Announcement &announcement, std::string_view topic,
             const ChildVerdict &verdict, std::uint64_t expires_ns);
    void withdraw(const Announcement &announcement);

    /// A child came of it. Returns its entry, which may be forgotten.
    std::optional<ExpectationEntry> met(std::uint32_t id);

    /// For a packet path that has no map of its own: what this first packet begins, taken off the
    /// list unless it stays.
    std::optional<l7_expectation> take(const l7_packet &packet, std::uint64_t now_ns);

    /// Forgets what has expired.
    void sweep(std::uint64_t now_ns);

    /// An id for children that another node, or a file, says are this parent's.
    std::uint32_t child_of(const l7_key &parent);

    /// Whose child; none: not known here.
    std::optional<l7_key> parent_of(std::uint32_t id) const;

    /// Those that are alive, the oldest first.
    std::vector<ExpectationEntry> list() const;
    std::size_t alive() const;

  private:
    struct Hash {
        std::size_t operator()(const l7_expected &of) const;
    };
    struct Equal {
        bool operator()(const l7_expected &a, const l7_expected &b) const;
    };
    using Alive = std::list<ExpectationEntry>;

    static constexpr std::size_t slot_of(__be16 port) { return (port ^ port >> 8U) % 1024; }

    bool may_be_expected(const l7_packet &packet) const;
    void remove(Alive::iterator at, bool publish);
    std::uint32_t next_id();
    void remember(std::uint32_t id, const l7_key &parent);

    Publish publish_;
    mutable std::mutex mutex_;
    std::uint32_t last_id_ = 0;
    Alive alive_;
    std::array<std::atomic<std::uint32_t>, 1024> of_port_{}; ///< alive ones, by target port
    std::unordered_map<l7_expected, Alive::iterator, Hash, Equal> by_address_;
    std::unordered_map<std::uint32_t, Alive::iterator> by_id_;
    std::unordered_map<std::uint32_t, l7_key> parents_;                 ///< of children that came
    std::unordered_map<l7_key, std::uint32_t, KeyHash, KeyEqual> told_; ///< as child_of gave them
    std::list<std::uint32_t> came_;                                     ///< the oldest first
};

} // namespace l7
