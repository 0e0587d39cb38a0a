// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/history.hpp"

#include "metrics/series.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace l7 {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::uint16_t kRest = 0xffff;

} // namespace

void History::add(std::uint64_t now_ms, const std::vector<TrafficRow> &rows) {
    std::map<unsigned, Point> points;
    std::map<std::pair<unsigned, std::uint16_t>, TrafficRow> now;

    names_[kRest] = BoundedTraffic::kOther;
    for (const TrafficRow &row : rows) {
        names_[row.number] = row.name;
        now[{row.attach, row.number}] = row;
        const auto before = last_.find({row.attach, row.number});
        l7_account from{};
        if (before != last_.end() && before->second.dev == row.dev &&
            before->second.account.bytes <= row.account.bytes)
            from = before->second.account;
        if (row.account.bytes == from.bytes)
            continue;
        Point &point =
            points.try_emplace(row.attach, Point{row.dev, row.direction(), {}}).first->second;
        const std::uint64_t packets =
            row.account.packets - std::min(from.packets, row.account.packets);
        point.shares.push_back({row.number, row.account.bytes - from.bytes, packets});
    }
    last_ = std::move(now);
    const std::uint64_t before_ms = std::exchange(last_ms_, now_ms);
    if (before_ms == 0 || now_ms <= before_ms)
        return;

    Sample sample{now_ms, now_ms - before_ms, {}};
    for (auto &[attach, point] : points) {
        auto &shares = point.shares;
        std::ranges::sort(shares, std::greater<>(), &Share::bytes);
        if (shares.size() > kNames) {
            Share rest{kRest, 0, 0};
            for (auto it = shares.begin() + kNames; it != shares.end(); ++it) {
                rest.bytes += it->bytes;
                rest.packets += it->packets;
            }
            shares.resize(kNames);
            shares.push_back(rest);
        }
        sample.points.push_back(std::move(point));
    }
    samples_.push_back(std::move(sample));
    if (samples_.size() > kSamples)
        samples_.pop_front();
}

Json History::json(std::uint64_t now_ms, const std::string &dev,
                   const std::string &direction) const {
    std::map<std::uint16_t, std::uint64_t> sums;
    std::set<std::string> devices;
    const auto each = [&](const Sample &sample, auto act) {
        for (const Point &point : sample.points)
            if ((dev.empty() || point.dev == dev) && direction == point.direction)
                for (const Share &share : point.shares)
                    act(share);
    };
    for (const auto &[key, row] : last_)
        devices.insert(row.dev);
    for (const Sample &sample : samples_)
        each(sample, [&](const Share &share) { sums[share.number] += share.bytes; });
    std::vector<std::pair<std::uint64_t, std::uint16_t>> ranked;
    for (const auto &[number, bytes] : sums)
        if (number != kRest)
            ranked.emplace_back(bytes, number);
    std::ranges::sort(ranked, std::greater<>());
    const bool more = ranked.size() > kShownSeries || sums.contains(kRest);
    if (ranked.size() > kShownSeries)
        ranked.resize(kShownSeries);
    if (more)
        ranked.emplace_back(0, kRest);

    std::map<std::uint16_t, std::size_t> index;
    std::vector<std::vector<std::uint64_t>> bytes(ranked.size()), packets(ranked.size());
    for (std::size_t i = 0; i < ranked.size(); i++)
        index[ranked[i].second] = i;
    Json ages = Json::array(), lengths = Json::array();
    for (std::size_t at = 0; at < samples_.size(); at++) {
        for (std::size_t i = 0; i < ranked.size(); i++) {
            bytes[i].push_back(0);
            packets[i].push_back(0);
        }
        each(samples_[at], [&](const Share &share) {
            const auto found = index.find(share.number);
            const std::size_t i = found == index.end() ? ranked.size() - 1 : found->second;
            bytes[i].back() += share.bytes;
            packets[i].back() += share.packets;
        });
        ages.push_back(static_cast<double>(now_ms - std::min(now_ms, samples_[at].time_ms)) / 1e3);
        lengths.push_back(static_cast<double>(samples_[at].length_ms) / 1e3);
    }
    Json series = Json::array();
    for (std::size_t i = 0; i < ranked.size(); i++)
        series.push_back(
            {{"name", names_.at(ranked[i].second)}, {"bytes", bytes[i]}, {"packets", packets[i]}});
    return {{"interval_s", kIntervalMs / 1000},
            {"devices", devices},
            {"ages_s", ages},
            {"lengths_s", lengths},
            {"series", series}};
}

} // namespace l7
