// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/status.hpp"

#include "core/base/fields_json.hpp"
#include "daemon/daemon.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace l7 {

Result<StatusReport> status_report(Daemon &daemon) {
    const auto counters = daemon.kernel().counters();
    if (!counters)
        return counters.error();
    const auto catalog = daemon.catalog();
    const l7_settings &settings = daemon.kernel().settings();
    const ServerCounters &control = daemon.server_counters();

    StatusReport out;
    out.pid = static_cast<std::uint64_t>(getpid());
    out.abi = settings.abi;
    out.pins = daemon.kernel().directory();
    out.config = daemon.instance().config;
    out.adopted = daemon.adopted();
    out.bypass = settings.bypass != 0;
    out.mark_mask = settings.mark_mask;
    out.packets = settings.sample_packets;
    out.bytes = settings.sample_bytes;
    out.tunnels = tunnel_names(settings.tunnels);
    out.patterns = catalog->knowledge.database->patterns().size();
    out.patterns_rejected = catalog->rejected.size();
    out.rules = catalog->config.rules.size();
    out.devices = daemon.devices().report();
    out.counters = {*counters};
    out.workers = daemon.workers();
    out.control = {control.requests.load(), control.refused.load(), control.malformed.load()};
    out.ended_flows = daemon.ended_flows();
    if (const auto &endpoints = catalog->knowledge.endpoints)
        out.hints = endpoints->hints();
    out.exported = daemon.flow_export().report();
    out.conntrack = daemon.conntrack().report();
    out.pickup = daemon.pickup().report();
    out.pickup.path_scaled = counters->pickup_scaled;
    out.pickup.path_untracked = counters->pickup_untracked;
    out.pickup.path_unknown = counters->pickup_unknown;
    out.pickup.by = daemon.kernel().looks_up_scales() ? "kfunc" : "ctnetlink";
    if (const auto sync = daemon.sync())
        out.sync = sync->report();
    out.kernel_memory = daemon.kernel().memory();
    out.notes = daemon.notes();
    return out;
}

Result<void> status_command(Daemon &daemon, const nlohmann::json &request, Answer &answer) {
    const auto status = status_report(daemon);
    if (!status)
        return status.error();
    if (request.value("json", false))
        answer.write(json_line(*status));
    else
        for (const std::string &line : to_text(*status))
            answer.write(line);
    return {};
}

} // namespace l7
