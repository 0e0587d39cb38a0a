// SPDX-License-Identifier: GPL-2.0-or-later
// Which application an address belongs to, by the DNS answers that came by. A hint, no more: names
// share addresses.
//
// Threads: all may use it at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace l7 {

class DnsHints {
  public:
    /// IPv4 as an IPv4-mapped address.
    using Address = std::array<std::uint8_t, 16>;

    struct Hint {
        std::uint32_t host;        ///< id in the host table
        std::uint16_t application; ///< number; 0: none
    };

    static constexpr std::size_t kSlots = 65536;

    /// Told what answers said, and now and then again while they go on saying it.
    using Publish = std::function<void(const Address &, const Hint &, std::uint32_t ttl_s)>;

    /// Room for `slots` addresses; where there is none, what expires first leaves.
    explicit DnsHints(std::size_t slots = kSlots, Publish publish = {});

    /// An answer: the address is the host's for so long. now_ns: any monotonic clock. Of an answer
    /// that somebody else has seen nobody is told.
    enum class Seen { Here, Elsewhere };
    void learn(const Address &address, const Hint &hint, std::uint32_t ttl_s, std::uint64_t now_ns,
               Seen seen = Seen::Here);

    /// What is known of the address; nothing where names of several applications stand for it.
    std::optional<Hint> find(const Address &address, std::uint64_t now_ns) const;

  private:
    struct Slot {
        Address address{};
        std::uint64_t expires_ns = 0;
        std::uint64_t told_ns = 0; ///< the expiry that others were told
        Hint hint{};
        bool shared = false; ///< by names of several applications
    };
    static constexpr std::size_t kWays = 4;

    Slot *set_of(const Address &address);
    bool note(const Address &address, const Hint &hint, std::uint64_t expires, std::uint64_t now_ns,
              bool telling);

    const Publish publish_;
    mutable std::mutex mutex_;
    std::vector<Slot> slots_; ///< sets of kWays
};

} // namespace l7
