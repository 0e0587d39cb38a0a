// SPDX-License-Identifier: GPL-2.0-or-later
// A flow table in memory for tests of replication, and flows by number.
#pragma once

#include "core/base/key.hpp"
#include "core/sync/sink.hpp"

#include <arpa/inet.h>
#include <mutex>
#include <netinet/in.h>
#include <unordered_map>

namespace l7 {

/// An IPv4 flow of TCP, of which `number` and `version` tell all.
inline FlowState numbered_flow(std::uint32_t number, std::uint32_t version = 1) {
    FlowState out;
    auto *words = reinterpret_cast<std::uint32_t *>(out.key.addr);
    words[2] = words[6] = htonl(0xffff);
    words[3] = htonl(0xc0000200 | (number & 0xff)); // 192.0.2.0/24
    words[7] = htonl(0xc6336400 | ((number >> 8) & 0xff));
    out.key.port[0] = htons(static_cast<std::uint16_t>(1024 + number / 65536)); // below 2^31
    out.key.port[1] = htons(443);
    out.key.l4 = IPPROTO_TCP;
    out.key.family = 4;
    out.born_ms = 1'700'000'000'000 + number;
    out.flags = L7_F_SYN_0 | L7_F_SYN_1 | L7_F_REPLIED | L7_F_START_0 | L7_F_START_1;
    out.sides[0] = {7, L7_T_SYN | L7_T_SCALE | L7_T_SACK, number * 2654435761U, version * 1448};
    out.sides[1] = {10, L7_T_SYN | L7_T_SCALE | L7_T_SACK, number * 40503U, version * 517};
    out.rules = 5;
    out.rules_digest = 0x0123456789abcdef;
    out.verdict_packet = 4;
    out.verdict_sample = 1;
    out.reason = L7_REASON_DISSECTOR;
    out.attributes = L7_A_TLS;
    out.protocol = "tls";
    out.application = "youtube";
    out.hostname = "host" + std::to_string(number % 1000) + ".example.com";
    return out;
}

class MemoryTable : public ReplicaSink {
  public:
    using Map = std::unordered_map<l7_key, FlowState, KeyHash, KeyEqual>;

    MemoryTable() = default;
    /// With room, as the kernel's has: a table of 85,000 that grows holds up the next flow by 14
    /// ms.
    explicit MemoryTable(std::size_t flows) { flows_.reserve(flows); }

    Result<std::size_t> put(std::span<const FlowState> flows) override {
        const std::lock_guard lock(mutex_);
        std::size_t entered = 0;
        for (const FlowState &state : flows) {
            if (state.parent.l4 != 0 && !flows_.contains(state.parent))
                orphans_++;
            const auto [at, fresh] = flows_.try_emplace(state.key, state);
            if (!fresh && state.born_ms < at->second.born_ms)
                continue;
            at->second = state;
            entered++;
        }
        return entered;
    }

    void gone(std::span<const l7_key> keys) override {
        const std::lock_guard lock(mutex_);
        for (const l7_key &key : keys)
            flows_.erase(key);
    }

    Result<std::size_t> expect(std::span<const ExpectationState> states) override {
        const std::lock_guard lock(mutex_);
        expectations_ += states.size();
        return states.size();
    }

    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return flows_.size();
    }
    std::size_t orphans() const { return orphans_; }
    std::size_t expectations() const { return expectations_; }

    /// How many of these are missing or other than they should be.
    template <class Wanted>
    std::size_t wrong(std::uint32_t from, std::uint32_t count, Wanted wanted) const {
        const std::lock_guard lock(mutex_);
        std::size_t out = 0;
        for (std::uint32_t i = from; i < from + count; i++) {
            const FlowState state = wanted(i);
            const auto at = flows_.find(state.key);
            out += at == flows_.end() || !(at->second == state);
        }
        return out;
    }

    void clear() {
        const std::lock_guard lock(mutex_);
        flows_.clear();
    }

  private:
    mutable std::mutex mutex_;
    Map flows_;
    std::size_t orphans_ = 0, expectations_ = 0;
};

} // namespace l7
