// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/flow_book.hpp"

#include <algorithm>

namespace l7 {

namespace {

/// A flow that moves between tables may for a moment show less than before.
std::uint64_t grown(std::uint64_t now, std::uint64_t before) {
    return now > before ? now - before : 0;
}

/// One walk may miss a flow that moves between tables.
constexpr std::uint32_t kMissedWalks = 2;

/// RFC 9293: neither end sends any more.
bool over(const l7_key &key, const l7_flow &flow) {
    return key.l4 == L7_IPPROTO_TCP &&
           ((flow.flags & L7_F_RST) ||
            (flow.flags & (L7_F_FIN_0 | L7_F_FIN_1)) == (L7_F_FIN_0 | L7_F_FIN_1));
}

} // namespace

void FlowBook::begin_walk() {
    walk_++;
}

FlowBook::Page &FlowBook::page_of(const l7_flow_entry &entry, std::uint64_t wall_ms) {
    const auto [at, fresh] = pages_.try_emplace(entry.key);
    Page &page = at->second;
    if (!fresh && page.flow.born != entry.flow.born) {
        report_vanished(entry.key, page, true);
        page = Page{};
    }
    page.flow = entry.flow;
    page.now = entry.now;
    page.walk = walk_;
    page.wall_ms = wall_ms;
    if (page.due_from_ms == 0)
        page.due_from_ms = page.since_ms ? page.since_ms : wall_ms;
    return page;
}

void FlowBook::met(const l7_flow_entry &entry, std::uint64_t wall_ms, std::uint64_t active_ms) {
    Page &page = page_of(entry, wall_ms);
    // One that is over is about to be swept, and its last part should say so.
    if (wall_ms - page.due_from_ms < active_ms || over(entry.key, entry.flow))
        return;
    report(entry.key, page, EndReason::Active);
    page.due_from_ms = wall_ms;
}

void FlowBook::end_walk() {
    for (auto at = pages_.begin(); at != pages_.end();) {
        if (walk_ - at->second.walk < kMissedWalks) {
            ++at;
            continue;
        }
        report_vanished(at->first, at->second, false);
        at = pages_.erase(at);
    }
}

void FlowBook::swept(const l7_flow_entry &entry, std::uint64_t wall_ms) {
    Page &page = page_of(entry, wall_ms);
    report(entry.key, page, over(entry.key, entry.flow) ? EndReason::End : EndReason::Idle);
    pages_.erase(entry.key);
}

void FlowBook::force(const l7_flow_entry &entry, std::uint64_t wall_ms) {
    Page &page = page_of(entry, wall_ms);
    report(entry.key, page, EndReason::Forced);
    page.due_from_ms = wall_ms;
}

void FlowBook::report_vanished(const l7_key &key, Page &page, bool replaced) {
    if (page.wall_ms == 0) // known from before a restart only, and reported then
        return;
    report(key, page,
           over(key, page.flow) || (replaced && (page.flow.flags & L7_F_ENDED))
               ? EndReason::End
               : EndReason::Resources);
}

void FlowBook::report(const l7_key &key, Page &page, EndReason reason) {
    FlowClosing closing{{key, page.flow, page.now, 0}, page.wall_ms, {}, page.since_ms, reason};
    bool anything = false;
    for (unsigned way = 0; way < 2; way++) {
        closing.amounts.packets[way] = grown(page.flow.packets[way], page.reported.packets[way]);
        closing.amounts.bytes[way] = grown(page.flow.bytes[way], page.reported.bytes[way]);
        page.reported.packets[way] += closing.amounts.packets[way];
        page.reported.bytes[way] += closing.amounts.bytes[way];
        anything = anything || closing.amounts.packets[way];
    }
    page.since_ms = page.wall_ms;
    if (anything)
        emit_(FlowClosing(closing));
}

std::vector<FlowMark> FlowBook::marks() const {
    std::vector<FlowMark> out;
    for (const auto &[key, page] : pages_)
        if (page.since_ms)
            out.push_back({key, page.flow.born, 0, page.since_ms, page.reported});
    return out;
}

void FlowBook::restore(std::span<const FlowMark> marks) {
    for (const FlowMark &mark : marks) {
        Page &page = pages_[mark.key];
        page = Page{};
        page.flow.born = mark.born;
        page.since_ms = mark.since_ms;
        page.reported = mark.reported;
        page.walk = walk_;
    }
}

} // namespace l7
