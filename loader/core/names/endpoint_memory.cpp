// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/endpoint_memory.hpp"

#include <algorithm>
#include <cstring>

namespace l7 {

namespace {
bool same(const l7_endpoint &a, const l7_endpoint &b) {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}
} // namespace

EndpointMemory::EndpointMemory(Publish publish, std::size_t slots)
    : publish_(std::move(publish)), slots_(std::max<std::size_t>(slots / kWays, 1) * kWays) {}

/// The first slot of the server's set.
std::size_t EndpointMemory::set_of(const l7_endpoint &server) const {
    std::uint64_t hash = server.l4;
    for (const std::uint32_t word : server.addr)
        hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash = (hash ^ server.port) * 0xff51afd7ed558ccdULL;
    return (hash >> 32) % (slots_.size() / kWays) * kWays;
}

void EndpointMemory::learn(const l7_endpoint &server, const Verdict &verdict,
                           std::uint64_t now_ns) {
    const Telling telling = note(server, verdict, now_ns);
    if (publish_ && telling != Telling::Nothing)
        publish_(server, telling == Telling::Holds ? std::optional(verdict) : std::nullopt);
}

EndpointMemory::Telling EndpointMemory::note(const l7_endpoint &server, const Verdict &verdict,
                                             std::uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    Slot *const set = &slots_[set_of(server)];
    Slot *place = set;
    for (Slot *slot = set; slot < set + kWays; slot++) {
        if (slot->agreed == 0 || !same(slot->server, server)) {
            if (slot->last_ns < place->last_ns)
                place = slot;
            continue;
        }
        const bool agrees = slot->verdict == verdict && now_ns - slot->last_ns < kLifeNs;
        const bool held = slot->agreed >= kAgreed;
        slot->agreed = agrees ? std::min(slot->agreed + 1U, kAgreed) : 1;
        slot->verdict = verdict;
        slot->last_ns = now_ns;
        if (!agrees)
            return held ? Telling::Ended : Telling::Nothing;
        if (slot->agreed < kAgreed || (held && now_ns - slot->told_ns < kAgainNs))
            return Telling::Nothing;
        slot->told_ns = now_ns;
        return Telling::Holds;
    }
    *place = {server, verdict, now_ns, 0, 1};
    return Telling::Nothing;
}

std::optional<EndpointMemory::Verdict> EndpointMemory::find(const l7_endpoint &server,
                                                            std::uint64_t now_ns) const {
    const std::lock_guard lock(mutex_);
    const Slot *const set = &slots_[set_of(server)];
    for (const Slot *slot = set; slot < set + kWays; slot++)
        if (slot->agreed >= kAgreed && same(slot->server, server) &&
            now_ns - slot->last_ns < kLifeNs)
            return slot->verdict;
    return std::nullopt;
}

} // namespace l7
