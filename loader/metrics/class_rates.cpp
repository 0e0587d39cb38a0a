// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/class_rates.hpp"

#include "core/policy/shape_tree.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace l7 {

std::vector<ClassLimit> limits_of(const ShapeConfig &config, const ShapeDevice &device,
                                  unsigned attach) {
    const bool down = attach % 2 == L7_INGRESS;
    std::vector<ClassLimit> out;

    if ((down ? device.down : device.up) == 0)
        return out;
    const Tree tree = make_tree(config, device, down, {});
    for (const TreeClass &one : tree.classes)
        out.push_back({attach, device.dev, handle_text(one.id),
                       tree.find(one.parent) ? handle_text(one.parent) : std::string(), one.name,
                       one.rate, one.ceil, one.id == tree.default_id});
    return out;
}

/// Bytes a second of each class by itself.
std::map<ClassRates::Id, double> ClassRates::gained(std::uint64_t now_ms,
                                                    const std::vector<ClassTraffic> &classes) {
    std::map<Id, double> out;
    std::map<Id, ClassTraffic> now;
    const std::uint64_t before_ms = std::exchange(last_ms_, now_ms);

    for (const ClassTraffic &row : classes) {
        const Id id{row.attach, row.classid};
        const auto before = last_.find(id);
        std::uint64_t from = 0; // of a class that has come since
        if (before != last_.end() && before->second.dev == row.dev &&
            before->second.hits.bytes <= row.hits.bytes)
            from = before->second.hits.bytes;
        if (before_ms != 0 && now_ms > before_ms)
            out[id] = static_cast<double>(row.hits.bytes - from) * 1000 /
                      static_cast<double>(now_ms - before_ms);
        now[id] = row;
    }
    last_ = std::move(now);
    return out;
}

void ClassRates::add(std::uint64_t now_ms, const MetricsSnapshot &snapshot) {
    std::map<Id, double> own = gained(now_ms, snapshot.classes);
    const std::vector<ClassLimit> &limits = snapshot.class_limits;
    std::set<Id> limited;

    for (const ClassLimit &limit : limits) {
        limited.insert({limit.attach, limit.classid});
        if (!limit.is_default)
            continue;
        const Id none{limit.attach, kNoClass};
        own[{limit.attach, limit.classid}] += own[none];
        limited.insert(none);
    }
    std::map<Id, double> sums;
    std::map<Id, unsigned> depths;
    for (auto it = limits.rbegin(); it != limits.rend(); ++it) { // children before their parents
        const ClassLimit &limit = *it;
        const double sum = sums[{limit.attach, limit.classid}] +=
            own[{limit.attach, limit.classid}];
        sums[{limit.attach, limit.parent}] += sum;
    }
    rows_.clear();
    for (const ClassLimit &limit : limits) {
        const Id id{limit.attach, limit.classid}, parent{limit.attach, limit.parent};
        depths[id] = limit.parent.empty() ? 0 : depths[parent] + 1;
        rows_.push_back({limit.dev, direction_of(limit.attach), limit, depths[id], sums[id]});
    }
    std::set<unsigned> classed; // where there is more than what has no class
    for (const ClassLimit &limit : limits)
        classed.insert(limit.attach);
    for (const ClassTraffic &one : snapshot.classes)
        if (one.classid != kNoClass)
            classed.insert(one.attach);
    for (const ClassTraffic &one : snapshot.classes) {
        const Id id{one.attach, one.classid};
        if (limited.contains(id) || !classed.contains(one.attach))
            continue;
        ClassLimit limit;
        limit.classid = one.classid;
        limit.name = one.name;
        rows_.push_back({one.dev, direction_of(one.attach), std::move(limit), 0, own[id]});
    }
}

nlohmann::ordered_json ClassRates::json() const {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const Row &row : rows_)
        out.push_back({{"dev", row.dev},
                       {"direction", row.direction},
                       {"classid", row.limit.classid},
                       {"class", row.limit.name},
                       {"default", row.limit.is_default},
                       {"depth", row.depth},
                       {"bytes_per_s", row.bytes_per_s},
                       {"rate", row.limit.rate},
                       {"ceil", row.limit.ceil}});
    return out;
}

} // namespace l7
