// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/dns_hints.hpp"

#include "core/base/clock.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace l7 {

namespace {
// Resolvers cache and programs keep what they were told: short lifetimes are stretched.
constexpr std::uint32_t kLeastTtl = 300;
constexpr std::uint32_t kMostTtl = 86400;
/// By so much an address must live longer for others to be told again.
constexpr std::uint64_t kAgainNs = kLeastTtl / 2 * kSecondNs;
} // namespace

DnsHints::DnsHints(std::size_t slots, Publish publish)
    : publish_(std::move(publish)), slots_(std::max<std::size_t>(slots / kWays, 1) * kWays) {}

DnsHints::Slot *DnsHints::set_of(const Address &address) {
    std::uint64_t words[2];
    std::memcpy(words, address.data(), sizeof(words));
    const std::uint64_t hash =
        (words[0] ^ words[1] * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;
    return &slots_[(hash >> 32) % (slots_.size() / kWays) * kWays];
}

void DnsHints::learn(const Address &address, const Hint &hint, std::uint32_t ttl_s,
                     std::uint64_t now_ns, Seen seen) {
    const std::uint32_t ttl = std::clamp(ttl_s, kLeastTtl, kMostTtl);
    const bool telling = publish_ && seen == Seen::Here;

    if (note(address, hint, now_ns + ttl * kSecondNs, now_ns, telling))
        publish_(address, hint, ttl);
}

/// Whether others are to be told of it.
bool DnsHints::note(const Address &address, const Hint &hint, std::uint64_t expires,
                    std::uint64_t now_ns, bool telling) {
    const std::lock_guard lock(mutex_);
    Slot *const set = set_of(address);
    Slot *place = set;
    for (Slot *slot = set; slot < set + kWays; slot++) {
        if (slot->expires_ns > now_ns && slot->address == address) {
            const bool other = slot->hint.application != hint.application;
            slot->shared |= other;
            slot->hint = hint;
            slot->expires_ns = std::max(slot->expires_ns, expires);
            if (!telling || (!other && slot->told_ns + kAgainNs > expires))
                return false;
            slot->told_ns = expires;
            return true;
        }
        if (slot->expires_ns < place->expires_ns)
            place = slot;
    }
    *place = {address, expires, telling ? expires : 0, hint, false};
    return telling;
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
