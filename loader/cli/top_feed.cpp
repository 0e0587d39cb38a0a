// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/top_feed.hpp"

#include "control/server.hpp"
#include "core/base/fields_json.hpp"
#include "core/report/flow_report.hpp"
#include "core/report/reports.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {

using Json = nlohmann::json;

TopAccount to_account(const Json &from) {
    const auto row = read_fields<StatsRow>(from);
    return {row.dev,  row.direction == "egress", row.protocol.value_or(""), row.packets, row.bytes,
            row.flows};
}

TopFlow to_flow(const Json &from) {
    const auto flow = read_fields<FlowReport>(from);
    const auto live = read_fields<LiveReport>(from);
    return {flow.l4,          flow.src,      flow.dst,     flow.sport,   flow.dport, flow.protocol,
            flow.application, flow.hostname, live.classid, flow.packets, flow.bytes, live.age_s};
}

} // namespace

Result<TopSnapshot> read_top(const Instance &instance, bool with_flows) {
    TopSnapshot out;
    const auto rows = [&](const auto &request, const auto &take) {
        const auto each = [&](std::string_view line) {
            if (const Json row = Json::parse(line, nullptr, false); row.is_object())
                take(row);
        };
        return ask_daemon(instance.socket, request, each, {.json = true, .any_namespace = true});
    };
    auto asked =
        rows(request::Stats(), [&](const Json &row) { out.accounts.push_back(to_account(row)); });
    out.time_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    if (asked && with_flows)
        asked = rows(request::Flows{.idle_at_most = static_cast<unsigned>(TopHistory::kSpan_s)},
                     [&](const Json &row) {
                         if (out.flows.size() < kTopFlowsMax)
                             out.flows.push_back(to_flow(row));
                     });
    if (!asked)
        return asked.error();
    return out;
}

Result<std::vector<std::string>> explain_flow(const Instance &instance, const TopFlow &flow) {
    const std::vector<std::string> filter{"l4",   flow.l4,
                                          "host", flow.src,
                                          "host", flow.dst,
                                          "port", std::to_string(flow.sport),
                                          "port", std::to_string(flow.dport)};
    std::vector<std::string> out;
    const auto take = [&](std::string_view text) {
        while (!text.empty()) {
            const auto end = text.find('\n');
            out.emplace_back(text.substr(0, end));
            text.remove_prefix(end == text.npos ? text.size() : end + 1);
        }
    };
    auto asked =
        ask_daemon(instance.socket, request::Explain{filter}, take, {.any_namespace = true});
    if (!asked)
        return asked.error();
    if (out.empty())
        out.emplace_back("The flow has ended.");
    return out;
}

} // namespace l7
