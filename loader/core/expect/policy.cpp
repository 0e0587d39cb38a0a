// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/policy.hpp"

#include "core/expect/address.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace l7 {

namespace {

constexpr std::uint16_t kFirstUnprivileged = 1024;
constexpr std::uint64_t kSecond = 1'000'000'000;

/// Whether they announce the same child.
bool same_child(const Announcement &a, const Announcement &b) {
    return a.source == b.source && a.target == b.target && a.sport == b.sport && a.port == b.port &&
           a.l4 == b.l4 && a.topic == b.topic && a.protocol == b.protocol;
}

/// One end from one pair of parties to the other. Ports go along where they are the parties' own;
/// two parties at one address are told apart by them.
void translate_end(ChildAddress &address, std::uint16_t &port, const Parties &from,
                   const Parties &to) {
    for (unsigned i = 0; i < 2; i++)
        if (address == from.address[i] && port != 0 && port == from.port[i]) {
            address = to.address[i];
            port = to.port[i];
            return;
        }
    for (unsigned i = 0; i < 2; i++)
        if (address == from.address[i]) {
            address = to.address[i];
            return;
        }
}

} // namespace

bool Announcements::is_party(const ChildAddress &address) const {
    return address == parties_.address[0] || address == parties_.address[1];
}

std::uint64_t *Announcements::refusal(const Announcement &announcement, const ExpectPolicy &policy,
                                      ExpectCounters &counters) const {
    const bool has_ports = announcement.l4 == IPPROTO_TCP || announcement.l4 == IPPROTO_UDP;
    const ChildAddress &target = announcement.target;
    const bool of_party = is_party(target);

    if (announcement.topic >= topics_.size() || topics_[announcement.topic].most == 0)
        return &counters.no_topic;
    if (!of_party && (is_unspecified(target) || is_loopback(target) || is_multicast(target)))
        return &counters.no_host;
    if (!of_party && !policy.foreign)
        return &counters.foreign_target;
    if (announcement.source != kAnyone) {
        if (!is_party(announcement.source) && !policy.foreign)
            return &counters.foreign_source;
        if (announcement.source == target && parties_.address[0] != parties_.address[1])
            return &counters.to_itself;
    }
    if (has_ports && announcement.port == 0)
        return &counters.no_port;
    if (has_ports && announcement.port < kFirstUnprivileged && !policy.privileged)
        return &counters.privileged_port;
    return nullptr;
}

std::optional<Admitted> Announcements::admit(const Announcement &announcement, std::uint64_t now_ns,
                                             const ExpectPolicy &policy, ExpectCounters &counters) {
    if (std::uint64_t *refused = refusal(announcement, policy, counters)) {
        ++*refused;
        return {};
    }
    const Topic &topic = topics_[announcement.topic];
    Admitted out{announcement, 0, {}};
    Announcement &kept = out.announcement;
    if (kept.source == kAnyone && !topic.strangers && !policy.foreign)
        kept.source = parties_.address[kept.target == parties_.address[0] ? 1 : 0];
    out.expires_ns =
        now_ns + (kept.lifetime_s ? kept.lifetime_s : topic.lifetime_s) * std::uint64_t{kSecond};

    std::erase_if(entries_, [&](const Entry &one) { return one.expires_ns <= now_ns; });
    const auto in_topic = [&](const Entry &one) { return one.announcement.topic == kept.topic; };
    const bool renewed = std::erase_if(
        entries_, [&](const Entry &one) { return same_child(one.announcement, kept); });
    auto leaving = entries_.end();
    if (kept.slot != 0)
        leaving = std::ranges::find_if(entries_, [&](const Entry &one) {
            return in_topic(one) && one.announcement.slot == kept.slot;
        });
    if (leaving != entries_.end())
        counters.moved++;
    else if (std::ranges::count_if(entries_, in_topic) >= topic.most) {
        leaving = std::ranges::find_if(entries_, in_topic);
        counters.displaced++;
    }
    if (leaving != entries_.end()) {
        out.replaced = leaving->announcement;
        entries_.erase(leaving);
    }
    ++(renewed ? counters.renewed : counters.admitted);
    entries_.push_back({kept, out.expires_ns});
    return out;
}

std::size_t Announcements::alive(std::uint64_t now_ns) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(entries_, [&](const Entry &one) { return one.expires_ns > now_ns; }));
}

Announcement translate(const Announcement &announcement, const Parties &original,
                       const Parties &seen) {
    Announcement out = announcement;
    translate_end(out.source, out.sport, original, seen);
    translate_end(out.target, out.port, original, seen);
    return out;
}

} // namespace l7
