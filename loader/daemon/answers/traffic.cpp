// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/answers/traffic.hpp"

#include "daemon/answers/parts.hpp"
#include "daemon/parts/catalog.hpp"
#include "daemon/parts/devices.hpp"
#include "kernel/state.hpp"
#include "metrics/class_rates.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace l7 {

namespace {

/// What all packets at each attachment point add up to; flows are left out.
std::map<unsigned, l7_account> totals(const std::vector<TrafficRow> &protocols) {
    std::map<unsigned, l7_account> out;
    for (const TrafficRow &row : protocols) {
        out[row.attach].packets += row.account.packets;
        out[row.attach].bytes += row.account.bytes;
    }
    return out;
}

/// Parts are read before the whole, so that what comes in between is nowhere missing.
void take_off(__u64 &rest, __u64 part) {
    rest -= std::min(rest, part);
}

std::string class_name(const ShapeConfig &shape, std::uint32_t classid) {
    for (const ShapeClass &one : shape.classes)
        if (classid_of(shape, one.name) == classid)
            return one.name;
    return {};
}

} // namespace

std::vector<TrafficRow> traffic_by_protocol(const Parts &parts) {
    const auto catalog = parts.catalogs.get();
    std::vector<TrafficRow> out;
    for (const AccountRow &row : parts.kernel.accounts().protocols())
        if (std::string dev = parts.devices.name_of(row.attach / 2); !dev.empty())
            out.push_back({row.attach, std::move(dev), row.number,
                           catalog->knowledge.protocols->name(row.number), row.account});
    return out;
}

std::vector<TrafficRow> traffic_by_application(const Parts &parts) {
    const auto catalog = parts.catalogs.get();
    const std::vector<AccountRow> rows = parts.kernel.accounts().applications();
    auto rest = totals(traffic_by_protocol(parts));
    std::vector<TrafficRow> out;
    for (const AccountRow &row : rows) {
        std::string dev = parts.devices.name_of(row.attach / 2);
        if (dev.empty())
            continue;
        take_off(rest[row.attach].packets, row.account.packets);
        take_off(rest[row.attach].bytes, row.account.bytes);
        out.push_back({row.attach, std::move(dev), row.number,
                       catalog->knowledge.application_numbers->name(row.number), row.account});
    }
    for (const auto &[attach, account] : rest)
        out.push_back({attach, parts.devices.name_of(attach / 2), 0, "none", account});
    return out;
}

std::vector<ClassTraffic> traffic_by_class(const Parts &parts) {
    const auto catalog = parts.catalogs.get();
    const std::vector<ClassRow> rows = parts.kernel.accounts().classes();
    auto rest = totals(traffic_by_protocol(parts));
    std::vector<ClassTraffic> out;
    for (const ClassRow &row : rows) {
        std::string dev = parts.devices.name_of(row.attach / 2);
        if (dev.empty())
            continue;
        take_off(rest[row.attach].packets, row.hits.packets);
        take_off(rest[row.attach].bytes, row.hits.bytes);
        out.push_back({row.attach, std::move(dev), handle_text(row.classid),
                       class_name(catalog->config.shape, row.classid), row.hits});
    }
    for (const auto &[attach, account] : rest)
        out.push_back({attach,
                       parts.devices.name_of(attach / 2),
                       kNoClass,
                       "",
                       {account.packets, account.bytes}});
    return out;
}

std::vector<ClassLimit> class_limits(const Parts &parts) {
    const auto catalog = parts.catalogs.get();
    const ShapeConfig &shape = catalog->config.shape;
    std::vector<ClassLimit> out;
    for (unsigned attach = 0; attach < L7_ATTACH_MAX; attach++) {
        const std::string dev = parts.devices.name_of(attach / 2);
        const auto shaped = std::ranges::find(shape.devices, dev, &ShapeDevice::dev);
        if (!dev.empty() && shaped != shape.devices.end())
            std::ranges::move(limits_of(shape, *shaped, attach), std::back_inserter(out));
    }
    return out;
}

std::vector<RuleTraffic> traffic_by_rule(const Parts &parts) {
    const auto lines = parts.catalogs.get()->rules->lines();
    const std::vector<l7_hits> hits = parts.kernel.rules().hits();
    std::vector<RuleTraffic> out;
    for (std::size_t i = 0; i < lines.size() && i < hits.size(); i++)
        out.push_back({lines[i], hits[i]});
    return out;
}

} // namespace l7
