// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/endpoint_memory.hpp"

#include <algorithm>

namespace l7 {

EndpointMemory::EndpointMemory(std::size_t slots)
    : slots_(std::max<std::size_t>(slots / kWays, 1) * kWays) {}

EndpointMemory::Slot *EndpointMemory::set_of(const l7_key &key, unsigned server) {
    std::uint64_t hash = key.l4;
    for (const std::uint32_t word : key.addr[server & 1])
        hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash = (hash ^ key.port[server & 1]) * 0xff51afd7ed558ccdULL;
    return &slots_[(hash >> 32) % (slots_.size() / kWays) * kWays];
}

bool EndpointMemory::is_of(const Slot &slot, const l7_key &key, unsigned server) {
    return slot.agreed != 0 && slot.l4 == key.l4 && slot.port == key.port[server & 1] &&
           std::ranges::equal(slot.address, key.addr[server & 1]);
}

void EndpointMemory::learn(const l7_key &key, unsigned server, const Verdict &verdict,
                           std::uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    Slot *const set = set_of(key, server);
    Slot *place = set;
    for (Slot *slot = set; slot < set + kWays; slot++) {
        if (is_of(*slot, key, server)) {
            if (slot->verdict == verdict && now_ns - slot->last_ns < kLifeNs)
                slot->agreed =
                    static_cast<std::uint8_t>(std::min<unsigned>(slot->agreed + 1U, 255));
            else
                slot->agreed = 1;
            slot->verdict = verdict;
            slot->last_ns = now_ns;
            return;
        }
        if (slot->last_ns < place->last_ns)
            place = slot;
    }
    Slot fresh;
    std::ranges::copy(key.addr[server & 1], fresh.address.begin());
    fresh.port = key.port[server & 1];
    fresh.l4 = key.l4;
    fresh.agreed = 1;
    fresh.verdict = verdict;
    fresh.last_ns = now_ns;
    *place = fresh;
}

std::optional<EndpointMemory::Verdict> EndpointMemory::find(const l7_key &key, unsigned server,
                                                            std::uint64_t now_ns) const {
    const std::lock_guard lock(mutex_);
    const Slot *const set = const_cast<EndpointMemory *>(this)->set_of(key, server);
    for (const Slot *slot = set; slot < set + kWays; slot++)
        if (is_of(*slot, key, server) && slot->agreed >= kAgreed &&
            now_ns - slot->last_ns < kLifeNs)
            return slot->verdict;
    return std::nullopt;
}

} // namespace l7
