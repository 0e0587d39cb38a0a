// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/answers/answers.hpp"
#include "daemon/answers/parts.hpp"
#include "daemon/answers/traffic.hpp"
#include "kernel/state.hpp"

namespace l7 {

Result<MetricsSnapshot> metrics_snapshot(const Parts &parts) {
    auto status = status_report(parts);
    if (!status)
        return status.error();
    MetricsSnapshot out;
    out.version = L7_VERSION;
    out.status = std::move(*status);
    out.traffic = traffic_by_protocol(parts);
    out.applications = traffic_by_application(parts);
    out.classes = traffic_by_class(parts);
    out.class_limits = class_limits(parts);
    out.rule_traffic = traffic_by_rule(parts);
    const FlowTables &flows = parts.kernel.flows();
    for (const auto &[name, table] : {std::pair("flows", FlowTables::Table::Flows),
                                      std::pair("newcomers", FlowTables::Table::Newcomers)})
        out.tables.push_back({name, flows.entries(table), flows.room(table)});
    return out;
}

} // namespace l7
