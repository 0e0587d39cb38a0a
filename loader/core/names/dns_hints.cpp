// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/dns_hints.hpp"

#include <algorithm>
#include <cstring>

namespace l7 {

namespace {
// Resolvers cache and programs keep what they were told: short lifetimes are stretched.
constexpr std::uint32_t kLeastTtl = 300;
constexpr std::uint32_t kMostTtl = 86400;
} // namespace

DnsHints::DnsHints(std::size_t slots) : slots_(std::max<std::size_t>(slots / kWays, 1) * kWays) {}

DnsHints::Slot *DnsHints::set_of(const Address &address) {
    std::uint64_t words[2];
    std::memcpy(words, address.data(), sizeof(words));
    const std::uint64_t hash =
        (words[0] ^ words[1] * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;
    return &slots_[(hash >> 32) % (slots_.size() / kWays) * kWays];
}

void DnsHints::learn(const Address &address, const Hint &hint, std::uint32_t ttl_s,
                     std::uint64_t now_ns) {
    const std::uint64_t expires =
        now_ns + std::clamp(ttl_s, kLeastTtl, kMostTtl) * std::uint64_t{1'000'000'000};
    const std::lock_guard lock(mutex_);
    Slot *const set = set_of(address);
    Slot *place = set;
    for (Slot *slot = set; slot < set + kWays; slot++) {
        if (slot->expires_ns > now_ns && slot->address == address) {
            slot->shared |= slot->hint.application != hint.application;
            slot->hint = hint;
            slot->expires_ns = std::max(slot->expires_ns, expires);
            return;
        }
        if (slot->expires_ns < place->expires_ns)
            place = slot;
    }
    *place = {address, expires, hint, false};
}

std::optional<DnsHints::Hint> DnsHints::find(const Address &address, std::uint64_t now_ns) const {
    const std::lock_guard lock(mutex_);
    const Slot *const set = const_cast<DnsHints *>(this)->set_of(address);
    for (const Slot *slot = set; slot < set + kWays; slot++)
        if (slot->expires_ns > now_ns && slot->address == address && !slot->shared)
            return slot->hint;
    return std::nullopt;
}

} // namespace l7
