// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/series.hpp"

#include <algorithm>
#include <unordered_map>

namespace l7 {

namespace {

// Who is at the top changes only where it is clear: a name that comes and goes is no use in a
// graph.
constexpr std::uint64_t kClearly = 2;

/// What a counter gained. Flows move between protocols when a verdict gets better, and per-CPU
/// counts are read one after the other: less than before is no gain.
std::uint64_t gain(std::uint64_t now, std::uint64_t before) {
    const auto difference = static_cast<std::int64_t>(now - before);
    return difference > 0 ? static_cast<std::uint64_t>(difference) : 0;
}

void add(l7_account &to, const l7_account &more) {
    to.packets += more.packets;
    to.bytes += more.bytes;
    to.flows += more.flows;
}

} // namespace

void BoundedTraffic::update(const std::vector<TrafficRow> &rows) {
    std::map<std::pair<unsigned, std::uint16_t>, Row> next;
    std::vector<l7_account> gains;
    gains.reserve(rows.size());

    for (const TrafficRow &row : rows) {
        const std::pair key{row.attach, row.number};
        const auto before = rows_.find(key);
        Row now;
        // Another device in the slot, or accounting that was cleared, starts anew.
        if (before != rows_.end() && before->second.last.dev == row.dev &&
            before->second.last.account.bytes <= row.account.bytes)
            now = before->second;
        const l7_account &last = now.last.account;
        gains.push_back({gain(row.account.packets, last.packets),
                         gain(row.account.bytes, last.bytes), gain(row.account.flows, last.flows)});
        const auto flows = std::max(static_cast<std::int64_t>(row.account.flows),
                                    static_cast<std::int64_t>(last.flows));
        now.last = row;
        now.last.account.flows = static_cast<std::uint64_t>(flows);
        next.insert_or_assign(key, std::move(now));
    }
    rows_ = std::move(next);
    choose();
    for (std::size_t i = 0; i < rows.size(); i++) {
        Row &row = rows_.at({rows[i].attach, rows[i].number});
        add(has_name(rows[i].number) ? row.named : row.others, gains[i]);
    }
}

void BoundedTraffic::choose() {
    std::unordered_map<std::uint16_t, std::uint64_t> bytes;
    for (const auto &[key, row] : rows_)
        if (key.second >= first_)
            bytes[key.second] += row.last.account.bytes;
    std::vector<std::pair<std::uint64_t, std::uint16_t>> waiting, in;
    for (const auto &[number, sum] : bytes)
        (named_.contains(number) ? in : waiting).emplace_back(sum, number);
    std::ranges::sort(waiting, std::greater<>());
    std::ranges::sort(in, std::greater<>());

    std::erase_if(named_, [&](std::uint16_t one) { return !bytes.contains(one); });
    for (; in.size() > top_; in.pop_back())
        named_.erase(in.back().second);
    for (const auto &[sum, number] : waiting) {
        if (named_.size() >= top_) {
            if (in.empty() || sum <= kClearly * in.back().first)
                return;
            named_.erase(in.back().second);
            in.pop_back();
        }
        named_.insert(number);
    }
}

std::vector<TrafficSeries> BoundedTraffic::series() const {
    std::vector<TrafficSeries> out;
    std::map<unsigned, TrafficSeries> others;

    for (const auto &[key, row] : rows_) {
        if (has_name(key.second)) {
            out.push_back({row.last.dev, row.last.direction(), row.last.name, row.named});
            if (key.second == 0)
                out.back().account.flows = 0;
        }
        if (key.second < first_)
            continue;
        auto &other =
            others
                .try_emplace(key.first,
                             TrafficSeries{row.last.dev, row.last.direction(), kOther, {}})
                .first->second;
        add(other.account, row.others);
    }
    for (auto &[attach, other] : others)
        out.push_back(std::move(other));
    return out;
}

} // namespace l7
