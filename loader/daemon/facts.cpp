// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/facts.hpp"

#include "daemon/daemon.hpp"
#include "kernel/programs.hpp"

#include <netinet/in.h>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {

using Json = nlohmann::ordered_json;

struct FlowCounts {
    std::uint64_t newcomers = 0, flows = 0;
    std::uint64_t tcp = 0, tcp_one_sided = 0; ///< that brought payload
};

/// Only TCP is asked: both ends of it speak, if only to acknowledge. A flow that brought no payload
/// may be a server that is not there.
void count(const l7_flow &flow, const l7_key &key, FlowCounts &to) {
    if (key.l4 != IPPROTO_TCP || (flow.samples[0] == 0 && flow.samples[1] == 0))
        return;
    to.tcp++;
    if (flow.packets[0] == 0 || flow.packets[1] == 0)
        to.tcp_one_sided++;
}

Result<FlowCounts> count_flows(const Daemon &daemon) {
    FlowCounts out;
    const auto walk = [&](FlowTables::Table table, std::uint64_t &entries) {
        return daemon.kernel().flows().walk(table, [&](const l7_flow_entry &entry) {
            entries++;
            if (!(entry.flow.flags & L7_F_MOVED))
                count(entry.flow, entry.key, out);
            return true;
        });
    };
    if (auto walked = walk(FlowTables::Table::Flows, out.flows); !walked)
        return walked.error();
    if (auto walked = walk(FlowTables::Table::Newcomers, out.newcomers); !walked)
        return walked.error();
    return out;
}

} // namespace

Result<void> facts_command(Daemon &daemon, const nlohmann::json &, Answer &answer) {
    const auto flows = count_flows(daemon);
    if (!flows)
        return flows.error();
    const auto catalog = daemon.catalog();
    Json rules = Json::array();
    for (const Rule &rule : catalog->config.rules) {
        Json one{{"line", rule.line}};
        if (rule.classid)
            one["classid"] = *rule.classid;
        if (rule.mark)
            one["mark"] = *rule.mark;
        rules.push_back(std::move(one));
    }
    const auto entries = [&](const char *map) {
        return pinned_map_entries(daemon.kernel().directory() + "/" + map);
    };
    answer.write(Json{
        {"rules", rules},
        {"rejected", catalog->rejected},
        {"tcp_flows", flows->tcp},
        {"tcp_one_sided", flows->tcp_one_sided},
        {"tables",
         {{{"name", "flows"}, {"used", flows->flows}, {"size", entries("flows")}},
          {{"name", "newcomers"}, {"used", flows->newcomers}, {"size", entries("newcomers")}}}}}
                     .dump(-1, ' ', false, Json::error_handler_t::replace));
    return {};
}

} // namespace l7
