// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/explanation.hpp"
#include "core/report/flow_filter.hpp"
#include "core/report/flow_report.hpp"
#include "daemon/answers/answers.hpp"
#include "daemon/answers/parts.hpp"
#include "daemon/parts/catalog.hpp"
#include "daemon/parts/devices.hpp"
#include "kernel/state.hpp"

#include <l7ctl/rate.h>

#include <array>

namespace l7 {

namespace {

/// What the rules give a flow, and which device counts it.
class LiveParts {
  public:
    explicit LiveParts(const Parts &parts)
        : catalog_(parts.catalogs.get()), rules_(parts.kernel.rules()),
          second_(KernelState::ticks_per_second()) {
        for (unsigned slot = 0; slot < L7_ATTACH_MAX / 2; slot++)
            devices_[slot] = parts.devices.name_of(slot);
    }

    LiveReport of(const l7_flow_entry &entry) const {
        const l7_flow &flow = entry.flow;
        const unsigned owner = flow.owner[0] ? flow.owner[0] : flow.owner[1];
        const std::uint32_t seen = static_cast<std::int32_t>(flow.seen[0] - flow.seen[1]) > 0
                                       ? flow.seen[0]
                                       : flow.seen[1];
        LiveReport out;
        if (owner)
            out.dev = devices_[(owner - 1) / 2 % devices_.size()];
        // A flow that has had no packet since its verdict is told what its next one will meet; but
        // for rules that ask for a packet's DSCP, which no flow has.
        const std::uint64_t met =
            rules_.current(flow) ? flow.rules_now
                                 : catalog_->rules->flow(
                                       entry.key, flow, catalog_->knowledge.hosts->name(flow.host));
        const l7_rule rule =
            owner ? rules_.of(met & ~catalog_->rules->by_dscp(), owner - 1).value_or(l7_rule{})
                  : l7_rule{};
        out.mark = rule.outcome & L7_O_MARK ? rule.mark : 0;
        out.classid = rule.outcome & L7_O_CLASS ? classid_text(rule.classid) : "";
        out.age_s = (entry.now - flow.born) / second_;
        out.idle_s = (entry.now - seen) / second_;
        if (entry.key.l4 == L7_IPPROTO_TCP) {
            out.window_scale.emplace();
            for (unsigned way = 0; way < 2; way++)
                if (flow.tcp[way].flags & L7_T_SYN)
                    (*out.window_scale)[way] = flow.tcp[way].scale;
        }
        out.rate = 0;
        for (unsigned way = 0; way < 2; way++)
            out.rate += static_cast<double>(l7_rate_read(&flow, way, entry.now, second_));
        return out;
    }

  private:
    std::shared_ptr<const Catalog> catalog_;
    const RuleMaps &rules_;
    std::uint32_t second_;
    std::array<std::string, L7_ATTACH_MAX / 2> devices_;
};

/// Lists flows, or explains them.
Result<void> list_flows(const Parts &parts, const std::vector<std::string> &words,
                        std::uint32_t idle_s, bool explain, Answer &answer) {
    const auto filter = FlowFilter::parse(words);
    if (!filter)
        return filter.error();
    const bool json = answer.json();
    const auto catalog = parts.catalogs.get();
    const LiveParts live(parts);
    const auto show = [&](const l7_flow_entry &entry) {
        LiveReport alive = live.of(entry);
        if (alive.idle_s > idle_s)
            return true;
        FlowReport report = report_flow(entry.key, entry.flow, catalog->knowledge);
        report.live = std::move(alive);
        if (!filter->shows(report))
            return true;
        if (!explain)
            return answer.write(json ? to_json(report) : to_text(report));
        const auto known = catalog->knowledge.journal->find(entry.key, entry.flow.born);
        const Explanation *why = known ? &*known : nullptr;
        return answer.write(json ? explain_json(report, why) : explain_text(report, why));
    };
    if (auto walked = parts.kernel.flows().walk(FlowTables::Table::Flows, show); !walked)
        return walked;
    return parts.kernel.flows().walk(FlowTables::Table::Newcomers, show);
}

} // namespace

Result<void> answer_to(const Parts &parts, const request::Flows &request, Answer &answer) {
    return list_flows(parts, request.filter, request.idle_at_most, false, answer);
}

Result<void> answer_to(const Parts &parts, const request::Explain &request, Answer &answer) {
    return list_flows(parts, request.filter, UINT32_MAX, true, answer);
}

} // namespace l7
