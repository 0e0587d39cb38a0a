// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/listener.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <bit>
#include <cstring>
#include <functional>

namespace l7 {

namespace {

Parties parties_of(const l7_key &key, unsigned initiator) {
    Parties out{};
    for (unsigned i = 0; i < 2; i++) {
        const unsigned end = initiator ^ i;
        std::memcpy(out.address[i].data(), key.addr[end], out.address[i].size());
        out.port[i] = ntohs(key.port[end]);
    }
    out.l4 = key.l4;
    return out;
}

} // namespace

ListenerCounters &ListenerCounters::operator+=(const ListenerCounters &other) {
    using Counts = std::array<std::uint64_t, sizeof(ListenerCounters) / sizeof(std::uint64_t)>;
    auto sum = std::bit_cast<Counts>(*this);
    std::ranges::transform(sum, std::bit_cast<Counts>(other), sum.begin(), std::plus<>());
    return *this = std::bit_cast<ListenerCounters>(sum);
}

ExpectOptions ExpectOptions::defaults() {
    ExpectOptions out;
    for (const ParentKind &kind : parent_kinds())
        out.parents.insert(kind.protocol);
    out.own = {"ftp", "h323", "megaco", "mgcp", "rtsp", "sip"};
    return out;
}

void Listener::use(const ExpectOptions &options, std::shared_ptr<Expectations> expectations,
                   std::shared_ptr<const Protocols> protocols, Translation translation) {
    options_ = options;
    expectations_ = std::move(expectations);
    protocols_ = std::move(protocols);
    translation_ = std::move(translation);
}

const ParentKind *Listener::kind_of(std::string_view protocol, std::uint8_t l4) const {
    if (!expectations_ || !options_.parents.contains(std::string(protocol)))
        return nullptr;
    const auto transport = transport_of(l4);
    for (const ParentKind &kind : parent_kinds())
        if (transport && protocol == kind.protocol &&
            (kind.transports & 1U << static_cast<unsigned>(*transport)))
            return &kind;
    return nullptr;
}

void Listener::begin(const l7_key &key, std::uint32_t born, unsigned initiator,
                     const ParentKind &kind, const ChildVerdict &verdict) {
    end(key);
    if (parents_.size() >= kParents) {
        parents_.erase(ages_.front());
        ages_.pop_front();
        counters_.pushed_out++;
    }
    const Parties seen = parties_of(key, initiator);
    ages_.push_back(key);
    Entry entry{.born = born,
                .kind = &kind,
                .parent = kind.make(seen),
                .seen = seen,
                .announcements = Announcements(kind.topics, seen),
                .verdict = verdict,
                .age = std::prev(ages_.end())};
    parents_.emplace(key, std::move(entry));
    counters_.parents++;
}

bool Listener::knows(const l7_key &key, std::uint32_t born) const {
    const auto at = parents_.find(key);
    return at != parents_.end() && at->second.born == born;
}

void Listener::end(const l7_key &key) {
    const auto at = parents_.find(key);
    if (at == parents_.end())
        return;
    ages_.erase(at->second.age);
    parents_.erase(at);
}

bool Listener::hear(const l7_key &key, const Piece &piece, std::uint64_t now_ns) {
    const auto at = parents_.find(key);
    if (at == parents_.end())
        return false;
    Entry &entry = at->second;
    ages_.splice(ages_.end(), ages_, entry.age);
    said_.clear();
    bool goes_on = true;
    if (transport_of(key.l4) == Transport::Tcp)
        goes_on = hear_stream(entry, piece);
    else if (!piece.cut) // half a datagram says nothing
        entry.parent->take({piece.direction, piece.data}, said_);
    announce(key, entry, now_ns);
    if (!goes_on || entry.parent->finished()) {
        end(key);
        return false;
    }
    return true;
}

/// False: there is no going on.
bool Listener::hear_stream(Entry &entry, const Piece &piece) {
    Tape &tape = entry.tapes[piece.direction];

    if (piece.lost && tape.lacks(piece.offset)) {
        tape.pass_over();
        if (!tear(entry, piece.direction))
            return false;
    }
    const Tape::State state = tape.add(piece.offset, piece.data, [&](Bytes in_order) {
        entry.parent->take({piece.direction, in_order}, said_);
    });
    if (piece.cut)
        tape.pass_over();
    return (!piece.cut && state == Tape::State::Whole) || tear(entry, piece.direction);
}

bool Listener::tear(Entry &entry, unsigned direction) {
    counters_.torn++;
    return entry.parent->gap(direction);
}

/// What was said, as far as it may be.
void Listener::announce(const l7_key &key, Entry &entry, std::uint64_t now_ns) {
    if (!said_.empty() && !std::exchange(entry.asked, true) && translation_)
        entry.original = translation_(entry.seen);
    for (const Announcement &said : said_) {
        const Announcement meant =
            entry.original ? translate(said, *entry.original, entry.seen) : said;
        const auto admitted =
            entry.announcements.admit(meant, now_ns, options_.policy, counters_.announcements);
        if (!admitted)
            continue;
        if (admitted->replaced)
            expectations_->withdraw(*admitted->replaced);
        expectations_->add(key, admitted->announcement,
                           entry.kind->topics[admitted->announcement.topic].name,
                           verdict_of(entry, admitted->announcement), admitted->expires_ns);
    }
}

ChildVerdict Listener::verdict_of(const Entry &entry, const Announcement &announcement) const {
    ChildVerdict out = entry.verdict;
    if (options_.own.contains(entry.kind->protocol))
        if (const auto number = protocols_->find(announcement.protocol); number != L7_UNSET)
            out.protocol = number;
    if (entry.kind->topics[announcement.topic].stays)
        out.flags |= L7_X_STAYS;
    if (kind_of(protocols_->name(out.protocol), announcement.l4))
        out.flags |= L7_X_LISTEN;
    return out;
}

} // namespace l7
