// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/fields_json.hpp"
#include "core/report/findings.hpp"
#include "daemon/answers/answers.hpp"
#include "daemon/answers/parts.hpp"
#include "daemon/parts/catalog.hpp"
#include "kernel/programs.hpp"
#include "kernel/state.hpp"

#include <netinet/in.h>

namespace l7 {

namespace {

/// Only TCP is asked: both ends of it speak, if only to acknowledge. A flow that brought no payload
/// may be a server that is not there.
void count(const l7_flow &flow, const l7_key &key, FactsReport &to) {
    if (key.l4 != IPPROTO_TCP || (flow.samples[0] == 0 && flow.samples[1] == 0))
        return;
    to.tcp_flows++;
    if (flow.packets[0] == 0 || flow.packets[1] == 0)
        to.tcp_one_sided++;
}

/// Walks both tables.
Result<void> count_flows(const Parts &parts, FactsReport &out) {
    for (const auto &[name, table] : {std::pair("flows", FlowTables::Table::Flows),
                                      std::pair("newcomers", FlowTables::Table::Newcomers)}) {
        TableFacts use{name, 0, pinned_map_entries(parts.kernel.directory() + "/" + name)};
        auto walked = parts.kernel.flows().walk(table, [&](const l7_flow_entry &entry) {
            use.used++;
            if (!(entry.flow.flags & L7_F_MOVED))
                count(entry.flow, entry.key, out);
            return true;
        });
        if (!walked)
            return walked;
        out.tables.push_back(std::move(use));
    }
    return {};
}

} // namespace

/// Rules in force, rejected patterns, one-sided flows, how full the tables are. Walks all flows.
Result<void> answer_to(const Parts &parts, const request::Facts &, Answer &answer) {
    const auto catalog = parts.catalogs.get();
    FactsReport facts;
    if (auto counted = count_flows(parts, facts); !counted)
        return counted;
    for (const Rule &rule : catalog->config.rules)
        facts.rules.push_back({rule.line, rule.classid, rule.mark});
    facts.rejected = catalog->rejected;
    answer.write(json_line(facts));
    return {};
}

} // namespace l7
