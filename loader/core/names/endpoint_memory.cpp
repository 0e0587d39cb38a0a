// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/endpoint_memory.hpp"

#include "core/base/clock.hpp"

#include <algorithm>
#include <cstring>

namespace l7 {

namespace {

bool same(const l7_endpoint &a, const l7_endpoint &b) {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}

std::uint64_t hash_of(const l7_endpoint &server) {
    std::uint64_t hash = server.l4;
    for (const std::uint32_t word : server.addr)
        hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    return (hash ^ server.port) * 0xff51afd7ed558ccdULL;
}

} // namespace

std::size_t EndpointMemory::ServerHash::operator()(const l7_endpoint &server) const {
    return static_cast<std::size_t>(hash_of(server) >> 32);
}

bool EndpointMemory::ServerEqual::operator()(const l7_endpoint &a, const l7_endpoint &b) const {
    return same(a, b);
}

EndpointMemory::EndpointMemory(Publish publish, std::size_t slots)
    : publish_(std::move(publish)), slots_(std::max<std::size_t>(slots / kWays, 1) * kWays) {}

/// The first slot of the server's set.
std::size_t EndpointMemory::set_of(const l7_endpoint &server) const {
    return (hash_of(server) >> 32) % (slots_.size() / kWays) * kWays;
}

/// What its flows were, whether or not they agree.
const EndpointMemory::Slot *EndpointMemory::slot_of(const l7_endpoint &server,
                                                    std::uint64_t now_ns) const {
    const Slot *const set = &slots_[set_of(server)];
    const Slot *const slot = std::find_if(set, set + kWays, [&](const Slot &one) {
        return one.agreed > 0 && same(one.server, server) && now_ns - one.last_ns < kLifeNs;
    });
    return slot == set + kWays ? nullptr : slot;
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
    bool refuted = false;
    if (const auto hint = hint_of_.find(server);
        hint != hint_of_.end() && hint->second->verdict.protocol != verdict.protocol) {
        drop_hint(hint->second);
        counts_.contrary++;
        refuted = true;
    }
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
            return held || refuted ? Telling::Ended : Telling::Nothing;
        if (slot->agreed < kAgreed || (held && !refuted && now_ns - slot->told_ns < kAgainNs))
            return refuted ? Telling::Ended : Telling::Nothing;
        slot->told_ns = now_ns;
        return Telling::Holds;
    }
    *place = {server, verdict, now_ns, 0, 1};
    return refuted ? Telling::Ended : Telling::Nothing;
}

void EndpointMemory::hint(const l7_endpoint &server, const Verdict &verdict, std::uint64_t now_ns) {
    Ended ended;
    const bool told = note_hint(server, verdict, now_ns, ended);
    if (!publish_)
        return;
    for (const l7_endpoint &one : ended)
        publish_(one, std::nullopt);
    if (told)
        publish_(server, verdict);
}

/// Whether the hint is news. What left for it is added to `ended`.
bool EndpointMemory::note_hint(const l7_endpoint &server, const Verdict &verdict,
                               std::uint64_t now_ns, Ended &ended) {
    const std::lock_guard lock(mutex_);
    if (const Slot *slot = slot_of(server, now_ns)) {
        if (slot->verdict.protocol != verdict.protocol)
            counts_.contrary++;
        if (slot->verdict.protocol != verdict.protocol || slot->agreed >= kAgreed)
            return false;
    }
    const auto known = hint_of_.find(server);
    if (known != hint_of_.end() && known->second->verdict == verdict &&
        now_ns - known->second->told_ns < kAgainNs)
        return false;
    if (!within_rate(now_ns)) {
        counts_.left_out++;
        return false;
    }
    if (known != hint_of_.end())
        drop_hint(known->second);
    while (!hints_.empty() &&
           (hints_.size() >= kHints || now_ns - hints_.front().told_ns >= kLifeNs)) {
        const Hint &oldest = hints_.front();
        if (now_ns - oldest.told_ns < kLifeNs)
            counts_.pushed_out++;
        const Slot *slot = slot_of(oldest.server, now_ns);
        if (!slot || slot->agreed < kAgreed) // its flows do not say the same meanwhile
            ended.push_back(oldest.server);
        drop_hint(hints_.begin());
    }
    hint_of_[server] = hints_.insert(hints_.end(), {server, verdict, now_ns});
    counts_.taken++;
    return true;
}

/// Each costs a call into the kernel, and anyone may send us an answer full of peers.
bool EndpointMemory::within_rate(std::uint64_t now_ns) {
    const std::uint64_t second = now_ns / kSecondNs;
    if (second != second_) {
        second_ = second;
        in_second_ = 0;
    }
    return in_second_++ < kHintsASecond;
}

void EndpointMemory::drop_hint(Hints::iterator at) {
    hint_of_.erase(at->server);
    hints_.erase(at);
}

HintReport EndpointMemory::hints() const {
    const std::lock_guard lock(mutex_);
    HintReport out = counts_;
    out.alive = hints_.size();
    return out;
}

std::optional<EndpointMemory::Verdict> EndpointMemory::find(const l7_endpoint &server,
                                                            std::uint64_t now_ns) const {
    const std::lock_guard lock(mutex_);
    if (const Slot *slot = slot_of(server, now_ns); slot && slot->agreed >= kAgreed)
        return slot->verdict;
    if (const auto hint = hint_of_.find(server);
        hint != hint_of_.end() && now_ns - hint->second->told_ns < kLifeNs)
        return hint->second->verdict;
    return std::nullopt;
}

} // namespace l7
