// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/steady_rest.hpp"

#include <algorithm>
#include <utility>

namespace l7 {

namespace {

template <class Counts>
void raise(Counts &now, Counts &most) {
    now.packets = most.packets = std::max(now.packets, most.packets);
    now.bytes = most.bytes = std::max(now.bytes, most.bytes);
}

} // namespace

void SteadyRest::hold(MetricsSnapshot &snapshot) {
    std::map<unsigned, Point> now;
    for (const TrafficRow &row : snapshot.traffic) {
        Point &point = now[row.attach];
        point.dev = row.dev;
        point.whole += row.account.bytes;
    }
    for (auto &[attach, point] : now) {
        const auto before = points_.find(attach);
        if (before == points_.end() || before->second.dev != point.dev ||
            before->second.whole > point.whole)
            continue;
        point.application = before->second.application;
        point.cls = before->second.cls;
    }
    points_ = std::move(now);
    for (TrafficRow &row : snapshot.applications)
        if (row.number == 0)
            raise(row.account, points_[row.attach].application);
    for (ClassTraffic &row : snapshot.classes)
        if (row.classid == kNoClass)
            raise(row.hits, points_[row.attach].cls);
}

} // namespace l7
