// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/fields_json.hpp"
#include "core/report/reports.hpp"
#include "daemon/answers/answers.hpp"
#include "daemon/answers/traffic.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace l7 {

namespace {

/// Flows leave `unset` when they are judged; between two reads on other CPUs that may show as less
/// than none.
std::int64_t flows_shown(const l7_account &account) {
    return std::max<std::int64_t>(static_cast<std::int64_t>(account.flows), 0);
}

std::string stats_line(const TrafficRow &row, bool by_application) {
    StatsRow out{.dev = row.dev,
                 .direction = row.direction(),
                 .packets = row.account.packets,
                 .bytes = row.account.bytes,
                 .flows = flows_shown(row.account)};
    (by_application ? out.application : out.protocol) = row.name;
    return json_line(out);
}

void write_traffic(std::vector<TrafficRow> rows, bool by_application, const std::string &only,
                   Answer &answer) {
    std::ranges::stable_sort(rows, [](const TrafficRow &a, const TrafficRow &b) {
        return a.attach != b.attach ? a.attach < b.attach : a.account.bytes > b.account.bytes;
    });
    if (!answer.json())
        answer.write(fmt::format("{:<15} {:<8} {:<16} {:>12} {:>16} {:>10}", "device", "way",
                                 by_application ? "application" : "protocol", "packets", "bytes",
                                 "flows"));
    for (const TrafficRow &row : rows)
        if (only.empty() || row.dev == only)
            answer.write(answer.json()
                             ? stats_line(row, by_application)
                             : fmt::format("{:<15} {:<8} {:<16} {:>12} {:>16} {:>10}", row.dev,
                                           row.direction(), row.name, row.account.packets,
                                           row.account.bytes, flows_shown(row.account)));
}

void write_classes(const std::vector<ClassTraffic> &rows, const std::string &only, Answer &answer) {
    if (!answer.json())
        answer.write(fmt::format("{:<15} {:<8} {:<8} {:<16} {:>12} {:>16}", "device", "way",
                                 "classid", "class", "packets", "bytes"));
    for (const ClassTraffic &row : rows)
        if (only.empty() || row.dev == only)
            answer.write(answer.json() ? json_line(row)
                                       : fmt::format("{:<15} {:<8} {:<8} {:<16} {:>12} {:>16}",
                                                     row.dev, direction_of(row.attach), row.classid,
                                                     row.name, row.hits.packets, row.hits.bytes));
}

void write_rules(const std::vector<RuleTraffic> &rows, Answer &answer) {
    if (!answer.json())
        answer.write(fmt::format("{:>6} {:>12} {:>16}", "line", "packets", "bytes"));
    for (const RuleTraffic &row : rows)
        answer.write(answer.json() ? json_line(row)
                                   : fmt::format("{:>6} {:>12} {:>16}", row.line, row.hits.packets,
                                                 row.hits.bytes));
}

} // namespace

Result<void> answer_to(const Parts &parts, const request::Stats &request, Answer &answer) {
    if (request.by == "class")
        write_classes(traffic_by_class(parts), request.dev, answer);
    else if (request.by == "rule")
        write_rules(traffic_by_rule(parts), answer);
    else if (request.by == "application")
        write_traffic(traffic_by_application(parts), true, request.dev, answer);
    else
        write_traffic(traffic_by_protocol(parts), false, request.dev, answer);
    return {};
}

} // namespace l7
