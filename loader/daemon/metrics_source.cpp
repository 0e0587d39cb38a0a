// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/metrics_source.hpp"

#include "daemon/daemon.hpp"
#include "daemon/status.hpp"
#include "daemon/traffic.hpp"

namespace l7 {

Result<MetricsSnapshot> metrics_snapshot(Daemon &daemon) {
    auto status = status_report(daemon);
    if (!status)
        return status.error();
    MetricsSnapshot out;
    out.version = L7_VERSION;
    out.status = std::move(*status);
    out.traffic = traffic_by_protocol(daemon);
    out.applications = traffic_by_application(daemon);
    out.classes = traffic_by_class(daemon);
    out.class_limits = class_limits(daemon);
    out.rule_traffic = traffic_by_rule(daemon);
    const FlowTables &flows = daemon.kernel().flows();
    for (const auto &[name, table] : {std::pair("flows", FlowTables::Table::Flows),
                                      std::pair("newcomers", FlowTables::Table::Newcomers)})
        out.tables.push_back({name, flows.entries(table), flows.room(table)});
    return out;
}

} // namespace l7
