// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/expectations.hpp"

#include "core/base/clock.hpp"

#include <l7ctl/flow.h>

#include <arpa/inet.h>
#include <cstring>
#include <string_view>

namespace l7 {

l7_expectation expectation_of(const ExpectationEntry &entry) {
    l7_expectation out{};
    out.id = entry.id;
    out.until_s = static_cast<std::uint32_t>(entry.expires_ns / kSecondNs);
    out.host = entry.verdict.host;
    out.protocol = entry.verdict.protocol;
    out.application = entry.verdict.application;
    out.sport = htons(entry.sport);
    out.flags = entry.verdict.flags;
    out.attributes = entry.verdict.attributes;
    return out;
}

l7_expected expected_of(const Announcement &announcement) {
    l7_expected out{};
    std::memcpy(out.source, announcement.source.data(), sizeof(out.source));
    std::memcpy(out.target, announcement.target.data(), sizeof(out.target));
    out.port = htons(announcement.port);
    out.l4 = announcement.l4;
    return out;
}

std::size_t Expectations::Hash::operator()(const l7_expected &of) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char *>(&of), sizeof(of)});
}

bool Expectations::Equal::operator()(const l7_expected &a, const l7_expected &b) const {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}

Expectations::Expectations(Publish publish, std::uint32_t last_id)
    : publish_(std::move(publish)), last_id_(last_id) {}

void Expectations::add(const l7_key &parent, const Announcement &announcement,
                       std::string_view topic, const ChildVerdict &verdict,
                       std::uint64_t expires_ns) {
    const std::lock_guard lock(mutex_);
    const l7_expected expected = expected_of(announcement);
    if (const auto known = by_address_.find(expected); known != by_address_.end())
        remove(known->second, false); // the newer one takes its place
    else if (alive_.size() >= kKept)
        remove(alive_.begin(), true);
    const std::uint32_t id = next_id();
    alive_.push_back({id, parent, expected, announcement.sport, verdict, topic, expires_ns, 0});
    const auto at = std::prev(alive_.end());
    of_port_[slot_of(expected.port)].fetch_add(1, std::memory_order_relaxed);
    by_address_[expected] = at;
    by_id_[id] = at;
    remember(id, parent);
    if (publish_)
        publish_(*at, true);
}

void Expectations::withdraw(const Announcement &announcement) {
    const std::lock_guard lock(mutex_);
    if (const auto at = by_address_.find(expected_of(announcement)); at != by_address_.end())
        remove(at->second, true);
}

std::optional<ExpectationEntry> Expectations::met(std::uint32_t id) {
    const std::lock_guard lock(mutex_);
    const auto at = by_id_.find(id);
    if (at == by_id_.end())
        return std::nullopt;
    at->second->met++;
    const ExpectationEntry out = *at->second;
    if (!(out.verdict.flags & L7_X_STAYS))
        remove(at->second, true); // the packet path has, others have not
    return out;
}

/// False for nearly all new flows, without a lock.
bool Expectations::may_be_expected(const l7_packet &packet) const {
    const auto some = [&](unsigned end) {
        return of_port_[slot_of(packet.key.port[end & 1])].load(std::memory_order_relaxed) != 0;
    };
    return some(packet.from ^ 1U) || (packet.key.l4 == L7_IPPROTO_UDP && some(packet.from));
}

std::optional<l7_expectation> Expectations::take(const l7_packet &packet, std::uint64_t now_ns) {
    if (!may_be_expected(packet))
        return std::nullopt;
    const std::lock_guard lock(mutex_);
    for (int way = 0; way < L7_EXPECTED_WAYS(packet.key.l4); way++) {
        l7_expected wanted;
        l7_flow_expected_as(&packet, way, &wanted);
        const auto at = by_address_.find(wanted);
        if (at == by_address_.end())
            continue;
        const l7_expectation out = expectation_of(*at->second);
        if (!l7_expectation_stands(&out, &packet, static_cast<std::uint32_t>(now_ns / kSecondNs)))
            return std::nullopt;
        at->second->met++;
        if (!(out.flags & L7_X_STAYS))
            remove(at->second, true);
        return out;
    }
    return std::nullopt;
}

void Expectations::sweep(std::uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    for (auto at = alive_.begin(); at != alive_.end();) {
        const auto next = std::next(at);
        if (at->expires_ns <= now_ns)
            remove(at, true);
        at = next;
    }
}

std::uint32_t Expectations::child_of(const l7_key &parent) {
    const std::lock_guard lock(mutex_);
    if (const auto known = told_.find(parent); known != told_.end())
        return known->second;
    const std::uint32_t id = next_id();
    told_[parent] = id;
    remember(id, parent);
    return id;
}

std::optional<l7_key> Expectations::parent_of(std::uint32_t id) const {
    const std::lock_guard lock(mutex_);
    const auto at = parents_.find(id);
    return at == parents_.end() ? std::nullopt : std::optional(at->second);
}

std::vector<ExpectationEntry> Expectations::list() const {
    const std::lock_guard lock(mutex_);
    return {alive_.begin(), alive_.end()};
}

std::size_t Expectations::alive() const {
    const std::lock_guard lock(mutex_);
    return alive_.size();
}

void Expectations::remove(Alive::iterator at, bool publish) {
    const ExpectationEntry gone = *at;
    by_address_.erase(gone.expected);
    by_id_.erase(gone.id);
    alive_.erase(at);
    of_port_[slot_of(gone.expected.port)].fetch_sub(1, std::memory_order_relaxed);
    if (publish && publish_)
        publish_(gone, false);
}

std::uint32_t Expectations::next_id() {
    if (++last_id_ == 0)
        last_id_ = 1;
    return last_id_;
}

void Expectations::remember(std::uint32_t id, const l7_key &parent) {
    parents_[id] = parent;
    came_.push_back(id);
    if (came_.size() > kKept) {
        const auto oldest = parents_.find(came_.front());
        if (const auto told = told_.find(oldest->second);
            told != told_.end() && told->second == oldest->first)
            told_.erase(told);
        parents_.erase(oldest);
        came_.pop_front();
    }
}

} // namespace l7
