// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/external_cache.hpp"

#include <algorithm>
#include <netinet/in.h>

namespace l7 {

std::uint32_t idle_limit_s(const FlowState &state, const TimeoutConfig &timeouts) {
    switch (state.key.l4) {
    case IPPROTO_TCP:
        if (state.flags & L7_F_ENDED)
            return timeouts.tcp_closed;
        return state.flags & (L7_F_REPLIED | L7_F_MIDSTREAM) ? timeouts.tcp_established
                                                             : timeouts.tcp_opening;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
        return state.flags & L7_F_REPLIED ? timeouts.udp_replied : timeouts.udp_unreplied;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return timeouts.icmp;
    default:
        return timeouts.other;
    }
}

bool ExternalCache::judge(std::string_view key, std::string_view record, Entry &out) const {
    const auto kind = kind_of(key);
    if (!kind)
        return false;
    switch (*kind) {
    case RecordKind::Flow:
        if (const auto flow = decode_flow(key, record)) {
            out.idle_s = idle_limit_s(flow->state, timeouts_);
            return true;
        }
        return false;
    case RecordKind::Expectation:
        if (const auto state = decode_expectation(key, record)) {
            out.until_ms = state->until_ms;
            return true;
        }
        return false;
    case RecordKind::Endpoint:
        if (const auto state = decode_endpoint(key, record)) {
            out.until_ms = state->until_ms;
            return true;
        }
        return false;
    case RecordKind::Hint:
        if (const auto state = decode_hint(key, record)) {
            out.until_ms = state->until_ms;
            return true;
        }
        return false;
    }
    return false;
}

std::uint64_t &ExternalCache::count_of(std::string_view key) {
    switch (*kind_of(key)) {
    case RecordKind::Flow:
        return counts_.flows;
    case RecordKind::Expectation:
        return counts_.expectations;
    default:
        return counts_.others;
    }
}

/// Most of a full read is what is there already, and was judged then.
bool ExternalCache::again(std::string_view key, std::string_view record, std::uint64_t now_ms) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(key);
    if (at == entries_.end() || at->second.record != record)
        return false;
    at->second.arrived_ms = now_ms;
    at->second.read = read_;
    return true;
}

bool ExternalCache::put(std::string_view key, std::string_view record, std::uint64_t now_ms) {
    if (again(key, record, now_ms))
        return true;
    Entry entry;
    const bool good = judge(key, record, entry);
    const std::lock_guard lock(mutex_);
    if (!good) {
        counts_.malformed++;
        return false;
    }
    const auto at = entries_.find(key);
    const std::size_t before = at == entries_.end() ? 0 : at->second.record.size();
    const std::size_t added =
        record.size() + (at == entries_.end() ? key.size() + kOverhead : std::size_t{0});
    if (counts_.bytes - before + added > bytes_max_) {
        counts_.no_room++;
        counts_.complete = false;
        if (at != entries_.end())
            erase(at); // rather nothing than what is no longer so
        return false;
    }
    counts_.bytes += added - before;
    entry.record = record;
    entry.arrived_ms = now_ms;
    entry.read = read_;
    if (at != entries_.end()) {
        at->second = std::move(entry);
    } else {
        entries_.emplace(key, std::move(entry));
        count_of(key)++;
    }
    return true;
}

ExternalCache::Map::iterator ExternalCache::erase(Map::iterator at) {
    counts_.bytes -= at->first.size() + at->second.record.size() + kOverhead;
    count_of(at->first)--;
    return entries_.erase(at);
}

void ExternalCache::remove(std::string_view key) {
    const std::lock_guard lock(mutex_);
    if (const auto at = entries_.find(key); at != entries_.end())
        erase(at);
}

void ExternalCache::clear() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
    counts_.flows = counts_.expectations = counts_.others = counts_.bytes = 0;
}

void ExternalCache::begin_full_read() {
    const std::lock_guard lock(mutex_);
    read_++;
    counts_.complete = true;
}

void ExternalCache::end_full_read() {
    const std::lock_guard lock(mutex_);
    for (auto at = entries_.begin(); at != entries_.end();)
        at = at->second.read != read_ ? erase(at) : std::next(at);
}

void ExternalCache::expire(std::uint64_t now_ms, std::uint64_t alive_ms, std::uint64_t wall_ms) {
    const std::lock_guard lock(mutex_);
    for (auto at = entries_.begin(); at != entries_.end();) {
        const Entry &entry = at->second;
        const std::uint64_t heard = std::max(entry.arrived_ms, alive_ms);
        const bool over = entry.until_ms ? entry.until_ms <= wall_ms
                                         : heard + std::uint64_t{entry.idle_s} * 1000 <= now_ms;
        counts_.expired += over;
        at = over ? erase(at) : std::next(at);
    }
}

void ExternalCache::each(const Each &each) const {
    const std::lock_guard lock(mutex_);
    for (const auto &[key, entry] : entries_)
        each(key, entry.record);
}

bool ExternalCache::wants_full_read() const {
    const std::lock_guard lock(mutex_);
    return !counts_.complete && counts_.bytes < bytes_max_ / 10 * 9;
}

CacheReport ExternalCache::report() const {
    const std::lock_guard lock(mutex_);
    return counts_;
}

} // namespace l7
