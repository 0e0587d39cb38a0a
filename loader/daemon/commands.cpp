// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/commands.hpp"

#include "core/base/fields_json.hpp"
#include "core/dissect/ip_protocol.hpp"
#include "core/report/explanation.hpp"
#include "core/report/flow_filter.hpp"
#include "core/report/flow_report.hpp"
#include "core/report/reports.hpp"
#include "daemon/daemon.hpp"
#include "daemon/facts.hpp"
#include "daemon/flow_file_commands.hpp"
#include "daemon/status.hpp"
#include "daemon/sync_commands.hpp"
#include "daemon/traffic.hpp"

#include <l7ctl/rate.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <ctime>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace l7 {

namespace {

Result<void> attach(Daemon &daemon, const nlohmann::json &request, Answer &) {
    const std::string hooks = request.value("hooks", "both");
    AttachRequest attach;
    attach.ingress = hooks != "egress";
    attach.egress = hooks != "ingress";
    attach.head = request.value("position", "tail") == "head";
    attach.xdp = request.value("xdp", false);
    attach.way = daemon.catalog()->config.attach;
    if (auto done = daemon.devices().attach(request.value("dev", ""), attach); !done)
        return done;
    daemon.rule_devices();
    return {};
}

Result<void> detach(Daemon &daemon, const nlohmann::json &request, Answer &) {
    const std::string dev = request.value("dev", "");
    for (unsigned slot = 0; slot < L7_ATTACH_MAX / 2; slot++)
        if (!dev.empty() && daemon.devices().name_of(slot) == dev)
            if (auto flushed = daemon.flow_export().flush(slot); !flushed)
                return flushed;
    return daemon.devices().detach(dev);
}

/// What the rules give a flow, and which device counts it.
class LiveParts {
  public:
    explicit LiveParts(Daemon &daemon)
        : catalog_(daemon.catalog()), rules_(daemon.kernel().rules()),
          second_(KernelState::ticks_per_second()) {
        for (unsigned slot = 0; slot < L7_ATTACH_MAX / 2; slot++)
            devices_[slot] = daemon.devices().name_of(slot);
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
Result<void> list_flows(Daemon &daemon, const nlohmann::json &request, Answer &answer,
                        bool explain) {
    const auto filter = FlowFilter::parse(request.value("filter", std::vector<std::string>{}));
    if (!filter)
        return filter.error();
    const bool json = request.value("json", false);
    const auto catalog = daemon.catalog();
    const LiveParts live(daemon);
    const auto idle_s = request.value("idle_at_most", std::numeric_limits<std::uint32_t>::max());
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
    if (auto walked = daemon.kernel().flows().walk(FlowTables::Table::Flows, show); !walked)
        return walked;
    return daemon.kernel().flows().walk(FlowTables::Table::Newcomers, show);
}

Result<void> flows(Daemon &daemon, const nlohmann::json &request, Answer &answer) {
    return list_flows(daemon, request, answer, false);
}

Result<void> explain(Daemon &daemon, const nlohmann::json &request, Answer &answer) {
    return list_flows(daemon, request, answer, true);
}

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
                   bool json, Answer &answer) {
    std::ranges::stable_sort(rows, [](const TrafficRow &a, const TrafficRow &b) {
        return a.attach != b.attach ? a.attach < b.attach : a.account.bytes > b.account.bytes;
    });
    if (!json)
        answer.write(fmt::format("{:<15} {:<8} {:<16} {:>12} {:>16} {:>10}", "device", "way",
                                 by_application ? "application" : "protocol", "packets", "bytes",
                                 "flows"));
    for (const TrafficRow &row : rows)
        if (only.empty() || row.dev == only)
            answer.write(json ? stats_line(row, by_application)
                              : fmt::format("{:<15} {:<8} {:<16} {:>12} {:>16} {:>10}", row.dev,
                                            row.direction(), row.name, row.account.packets,
                                            row.account.bytes, flows_shown(row.account)));
}

void write_classes(const std::vector<ClassTraffic> &rows, const std::string &only, bool json,
                   Answer &answer) {
    if (!json)
        answer.write(fmt::format("{:<15} {:<8} {:<8} {:<16} {:>12} {:>16}", "device", "way",
                                 "classid", "class", "packets", "bytes"));
    for (const ClassTraffic &row : rows)
        if (only.empty() || row.dev == only)
            answer.write(json ? json_line(row)
                              : fmt::format("{:<15} {:<8} {:<8} {:<16} {:>12} {:>16}", row.dev,
                                            direction_of(row.attach), row.classid, row.name,
                                            row.hits.packets, row.hits.bytes));
}

void write_rules(const std::vector<RuleTraffic> &rows, bool json, Answer &answer) {
    if (!json)
        answer.write(fmt::format("{:>6} {:>12} {:>16}", "line", "packets", "bytes"));
    for (const RuleTraffic &row : rows)
        answer.write(
            json ? json_line(row)
                 : fmt::format("{:>6} {:>12} {:>16}", row.line, row.hits.packets, row.hits.bytes));
}

Result<void> stats(Daemon &daemon, const nlohmann::json &request, Answer &answer) {
    const std::string only = request.value("dev", ""), by = request.value("by", "protocol");
    const bool json = request.value("json", false);

    if (by == "class")
        write_classes(traffic_by_class(daemon), only, json, answer);
    else if (by == "rule")
        write_rules(traffic_by_rule(daemon), json, answer);
    else if (by == "application")
        write_traffic(traffic_by_application(daemon), true, only, json, answer);
    else
        write_traffic(traffic_by_protocol(daemon), false, only, json, answer);
    return {};
}

/// What is expected: from whom, to whom, for how long, and announced by which flow.
Result<void> expect(Daemon &daemon, const nlohmann::json &request, Answer &answer) {
    const bool json = request.value("json", false);
    const Knowledge &knowledge = daemon.catalog()->knowledge;
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);

    for (const ExpectationEntry &one : knowledge.expectations->list()) {
        const auto left = static_cast<std::int64_t>(one.expires_ns / 1'000'000'000) - now.tv_sec;
        const End source{address_text(one.expected.source), one.sport};
        const End target{address_text(one.expected.target), ntohs(one.expected.port)};
        const bool anyone = source.address == "::";
        const std::string protocol = knowledge.protocols->name(one.verdict.protocol);
        if (json)
            answer.write(nlohmann::ordered_json{{"l4", l4_name(one.expected.l4)},
                                                {"src", anyone ? "any" : source.address},
                                                {"sport", source.port},
                                                {"dst", target.address},
                                                {"dport", target.port},
                                                {"protocol", protocol},
                                                {"topic", one.topic},
                                                {"expires", left},
                                                {"met", one.met},
                                                {"parent", key_json(one.parent)}}
                             .dump());
        else
            answer.write(fmt::format(
                "{:<5} {:<28} {:<28} {:<10} {:<12} {:>5} s  {}", l4_name(one.expected.l4),
                anyone        ? "any"
                : source.port ? end_text(source)
                              : source.address,
                end_text(target), protocol, one.topic, left, key_text(one.parent)));
    }
    return {};
}

Result<void> reload(Daemon &daemon, const nlohmann::json &, Answer &answer) {
    if (auto reloaded = daemon.reload(); !reloaded)
        return reloaded;
    const auto catalog = daemon.catalog();
    for (const std::string &line : catalog->rejected)
        answer.write("pattern left out: " + line);
    for (const std::string &line : catalog->warnings)
        answer.write("warning: " + line);
    answer.write(fmt::format("{} patterns, {} rejected, {} rules",
                             catalog->knowledge.database->patterns().size(),
                             catalog->rejected.size(), catalog->config.rules.size()));
    return {};
}

Result<void> bypass(Daemon &daemon, const nlohmann::json &request, Answer &) {
    daemon.set_bypass(request.at("on").get<bool>());
    return {};
}

Result<void> metrics(Daemon &daemon, const nlohmann::json &, Answer &answer) {
    const auto text = daemon.metrics().scrape();
    if (!text)
        return text.error();
    // write ends the last line by itself.
    answer.write(std::string_view(*text).substr(0, text->empty() ? 0 : text->size() - 1));
    return {};
}

Result<void> stop(Daemon &daemon, const nlohmann::json &, Answer &) {
    daemon.request_stop();
    return {};
}

Result<void> same_namespace(const nlohmann::json &request) {
    struct stat ours {};
    if (!request.contains("netns") || stat("/proc/self/ns/net", &ours) != 0 ||
        request["netns"].get<std::uint64_t>() == ours.st_ino)
        return {};
    return Error{"this command runs in another network namespace than the daemon",
                 "name the namespace: l7ctl -n NAME ...; each has a daemon of its own"};
}

} // namespace

Result<void> carry_out(Daemon &daemon, const nlohmann::json &request, Answer &answer) {
    using Command = Result<void> (*)(Daemon &, const nlohmann::json &, Answer &);
    static const std::map<std::string, Command> kCommands{
        {"attach", attach},
        {"detach", detach},
        {"status", status_command},
        {"flows", flows},
        {"stats", stats},
        {"reload", reload},
        {"bypass", bypass},
        {"explain", explain},
        {"stop", stop},
        {"facts", facts_command},
        {"metrics", metrics},
        {"expect", expect},
        {"sync", sync_command},
        {"flows export", export_flows},
        {"flows import", import_flows},
    };
    const auto command = kCommands.find(request["command"].get<std::string>());
    if (command == kCommands.end())
        return Error{"no such command: " + request["command"].get<std::string>(), {}, Blame::Usage};
    if (auto same = same_namespace(request); !same)
        return same;
    return command->second(daemon, request, answer);
}

} // namespace l7
