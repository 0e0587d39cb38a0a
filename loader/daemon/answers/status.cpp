// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/instance.hpp"
#include "core/base/fields_json.hpp"
#include "core/report/status_report.hpp"
#include "daemon/answers/answers.hpp"
#include "daemon/answers/parts.hpp"
#include "daemon/parts/conntrack_marks.hpp"
#include "daemon/parts/devices.hpp"
#include "daemon/parts/flow_export.hpp"
#include "daemon/parts/flow_sync.hpp"
#include "daemon/parts/notes.hpp"
#include "daemon/parts/pickup.hpp"
#include "daemon/parts/worker.hpp"

#include <unistd.h>

namespace l7 {

Result<StatusReport> status_report(const Parts &parts) {
    const auto counters = parts.kernel.counters();
    if (!counters)
        return counters.error();
    const auto catalog = parts.catalogs.get();
    const l7_settings &settings = parts.kernel.settings();
    const ServerCounters &control = parts.control;

    StatusReport out;
    out.pid = static_cast<std::uint64_t>(getpid());
    out.abi = settings.abi;
    out.pins = parts.kernel.directory();
    out.config = parts.instance.config;
    out.adopted = parts.adopted;
    out.bypass = settings.bypass != 0;
    out.mark_mask = settings.mark_mask;
    out.packets = settings.sample_packets;
    out.bytes = settings.sample_bytes;
    out.tunnels = tunnel_names(settings.tunnels);
    out.patterns = catalog->knowledge.database->patterns().size();
    out.patterns_rejected = catalog->rejected.size();
    out.rules = catalog->config.rules.size();
    out.devices = parts.devices.report();
    out.counters = {*counters};
    out.workers = reports_of(parts.workers);
    out.control = {control.requests.load(), control.refused.load(), control.malformed.load()};
    out.ended_flows = parts.ended_flows.load();
    if (const auto &endpoints = catalog->knowledge.endpoints)
        out.hints = endpoints->hints();
    out.exported = parts.flow_export.report();
    out.conntrack = parts.conntrack.report();
    out.pickup = parts.pickup.report();
    out.pickup.path_scaled = counters->pickup_scaled;
    out.pickup.path_untracked = counters->pickup_untracked;
    out.pickup.path_unknown = counters->pickup_unknown;
    out.pickup.by = parts.kernel.looks_up_scales() ? "kfunc" : "ctnetlink";
    if (const auto sync = parts.sync.get())
        out.sync = sync->report();
    out.kernel_memory = parts.kernel.memory();
    out.notes = parts.notes.list();
    return out;
}

Result<void> answer_to(const Parts &parts, const request::Status &, Answer &answer) {
    const auto status = status_report(parts);
    if (!status)
        return status.error();
    if (answer.json())
        answer.write(json_line(*status));
    else
        for (const std::string &line : to_text(*status))
            answer.write(line);
    return {};
}

} // namespace l7
