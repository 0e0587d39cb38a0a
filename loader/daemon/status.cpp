// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/status.hpp"

#include "daemon/daemon.hpp"
#include "daemon/sync_commands.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace l7 {

namespace {

using Json = nlohmann::ordered_json;

/// The members of l7_counters in their order.
constexpr std::array<const char *, L7_COUNTERS> kCounterNames{
    "bypassed",
    "not_ip",
    "mpls_unsupported",
    "truncated_link",
    "truncated_ip",
    "truncated_transport",
    "bad_ip_version",
    "bad_ip_length",
    "bad_tcp_offset",
    "bad_udp_length",
    "headers_too_deep",
    "fragments_later",
    "fragments_orphan",
    "fragments_table_failed",
    "headers_pulled",
    "flows_created",
    "flows_restarted",
    "flows_provisional",
    "newcomers_failed",
    "limit_packets",
    "limit_bytes",
    "retransmitted",
    "records",
    "records_lost",
    "payload_load_failed",
    "verdicts",
    "verdicts_late",
    "verdicts_missing",
    "verdicts_updated",
    "flows_failed",
    "expired_newcomers",
    "expired_flows",
    "map_missing",
    "tunnels_entered",
    "tunnels_opaque",
    "rules_dropped",
    "xdp_dropped",
    "dscp_failed",
    "applications_failed",
    "flows_expected",
    "tcp_beyond",
    "tcp_before",
    "tcp_ack_beyond",
    "tcp_ack_before",
    "tcp_stray",
    "pickup_scaled",
    "pickup_untracked",
    "pickup_unknown",
};

Json hook_json(const HookStatus &hook) {
    if (!hook.attached)
        return nullptr;
    return {{"way", hook.mode == L7_ATTACH_TCX ? "tcx" : "clsact"},
            {"position", hook.head ? "head" : "tail"},
            {"in_place", hook.in_place},
            {"xdp", hook.xdp == L7_XDP_NONE     ? Json(nullptr)
                    : hook.xdp == L7_XDP_NATIVE ? Json("native")
                                                : Json("generic")}};
}

Json devices_json(const Daemon &daemon) {
    Json out = Json::array();
    for (const DeviceReport &device : const_cast<Daemon &>(daemon).devices().report())
        out.push_back({{"dev", device.name},
                       {"present", device.present},
                       {"up", device.present && device.up},
                       {"l3", device.link.l3},
                       {"ingress", hook_json(device.ingress)},
                       {"egress", hook_json(device.egress)},
                       {"trouble", device.trouble}});
    return out;
}

Json counters_json(const l7_counters &counters) {
    const auto values = std::bit_cast<std::array<std::uint64_t, L7_COUNTERS>>(counters);
    Json out = Json::object();
    for (std::size_t i = 0; i < values.size(); i++)
        out[kCounterNames[i]] = values[i];
    return out;
}

Json worker_json(const WorkerReport &worker) {
    return {{"samples", worker.classifier.samples},
            {"stale_samples", worker.classifier.stale_samples},
            {"judged", worker.classifier.judged},
            {"given_up", worker.classifier.given_up},
            {"pushed_out", worker.classifier.pushed_out},
            {"followed", worker.classifier.followed},
            {"hinted", worker.classifier.hinted},
            {"remembered", worker.classifier.remembered},
            {"peers", worker.classifier.peers},
            {"undecided", worker.undecided},
            {"memory", worker.memory},
            {"verdicts", worker.verdicts},
            {"batches", worker.batches},
            {"scans", worker.scan.scans},
            {"scan_ns", worker.scan.ns},
            {"wakeups", worker.wakeups},
            {"apply_failures", worker.apply_failures},
            {"bad_records", worker.bad_records},
            {"ring_waiting", worker.ring_waiting},
            {"ring_size", worker.ring_size},
            {"latency_us",
             {{"p50", worker.latency.quantile(0.5)}, {"p99", worker.latency.quantile(0.99)}}}};
}

Json expect_json(const std::vector<WorkerReport> &workers) {
    ListenerCounters all;
    for (const WorkerReport &worker : workers)
        all += worker.listener;
    Json announcements = Json::object();
    for (const ExpectColumn &column : kExpectColumns)
        announcements[column.name] = all.announcements.*column.member;
    return {{"parents", all.parents},
            {"pushed_out", all.pushed_out},
            {"torn", all.torn},
            {"announcements", announcements}};
}

Json export_json(const Daemon &daemon) {
    const auto report = daemon.flow_export().report();
    if (!report)
        return nullptr;
    return {{"records", report->records},
            {"dropped", report->dropped},
            {"waiting", report->waiting},
            {"json",
             {{"records", report->json_records},
              {"lost", report->json_lost},
              {"errors", report->json_errors}}},
            {"ipfix",
             {{"records", report->ipfix.records},
              {"lost", report->ipfix.lost},
              {"messages", report->ipfix.messages},
              {"errors", report->ipfix.errors},
              {"connects", report->ipfix.connects},
              {"connected", report->ipfix.connected}}},
            {"last_error", report->last_error}};
}

Json hints_json(const Daemon &daemon) {
    const auto &endpoints = daemon.catalog()->knowledge.endpoints;
    if (!endpoints)
        return nullptr;
    const EndpointMemory::HintCounters counters = endpoints->hint_counters();
    return {{"alive", endpoints->hints()},
            {"taken", counters.taken},
            {"contrary", counters.contrary},
            {"left_out", counters.left_out},
            {"pushed_out", counters.pushed_out}};
}

Json conntrack_json(const Daemon &daemon) {
    const auto report = daemon.conntrack().report();
    if (!report)
        return nullptr;
    return {{"marked", report->marked},
            {"untracked", report->untracked},
            {"failed", report->failed},
            {"dropped", report->dropped},
            {"last_error", report->last_error}};
}

/// What the packet path looked up itself, and what the loader asked for.
Json pickup_json(const Daemon &daemon, const l7_counters &counters) {
    const PickupReport report = daemon.pickup().report();
    return {{"by", daemon.kernel().looks_up_scales() ? "kfunc" : "ctnetlink"},
            {"asked", report.asked},
            {"scaled", report.scaled + counters.pickup_scaled},
            {"named", report.named},
            {"untracked", report.untracked + counters.pickup_untracked},
            {"unknown", report.unknown + counters.pickup_unknown},
            {"limited", report.limited},
            {"failed", report.failed},
            {"last_error", report.last_error}};
}

Json sync_json(const Daemon &daemon) {
    const auto sync = daemon.sync();
    return sync ? to_json(sync->report()) : Json(nullptr);
}

std::string export_text(const Json &report) {
    const auto sink = [&report](const char *name) {
        const Json &one = report[name];
        return fmt::format("{} {} lost {} errors {}", name, one["records"].get<std::uint64_t>(),
                           one["lost"].get<std::uint64_t>(), one["errors"].get<std::uint64_t>());
    };
    const std::string error = report["last_error"].get<std::string>();
    return fmt::format(
        "export records {} dropped {} waiting {} {} {}{}", report["records"].get<std::uint64_t>(),
        report["dropped"].get<std::uint64_t>(), report["waiting"].get<std::uint64_t>(),
        sink("json"), sink("ipfix"), error.empty() ? "" : "; last error: " + error);
}

std::string pickup_text(const Json &report) {
    std::string out = "pickup by " + report["by"].get<std::string>();
    for (const auto &[name, value] : report.items())
        if (value.is_number())
            out += fmt::format(" {} {}", name, value.get<std::uint64_t>());
    const std::string error = report["last_error"].get<std::string>();
    return error.empty() ? out : out + "; last error: " + error;
}

Json gather(const Daemon &daemon, const l7_counters &counters) {
    const auto catalog = daemon.catalog();
    const l7_settings &settings = daemon.kernel().settings();
    const std::vector<WorkerReport> reports = daemon.workers();
    Json workers = Json::array();
    for (const WorkerReport &worker : reports)
        workers.push_back(worker_json(worker));
    Json memory = Json::object();
    for (const auto &[name, bytes] : daemon.kernel().memory())
        memory[name] = bytes;
    const ServerCounters &server = daemon.server_counters();
    return {{"pid", getpid()},
            {"abi", settings.abi},
            {"pins", daemon.kernel().directory()},
            {"config", daemon.instance().config},
            {"adopted", daemon.adopted()},
            {"bypass", settings.bypass != 0},
            {"mark_mask", settings.mark_mask},
            {"packets", settings.sample_packets},
            {"bytes", settings.sample_bytes},
            {"tunnels", tunnel_names(settings.tunnels)},
            {"patterns", catalog->knowledge.database->patterns().size()},
            {"patterns_rejected", catalog->rejected.size()},
            {"rules", catalog->config.rules.size()},
            {"devices", devices_json(daemon)},
            {"counters", counters_json(counters)},
            {"workers", workers},
            {"control",
             {{"requests", server.requests.load()},
              {"refused", server.refused.load()},
              {"malformed", server.malformed.load()}}},
            {"ended_flows", daemon.ended_flows()},
            {"hints", hints_json(daemon)},
            {"export", export_json(daemon)},
            {"conntrack", conntrack_json(daemon)},
            {"pickup", pickup_json(daemon, counters)},
            {"expect", expect_json(reports)},
            {"sync", sync_json(daemon)},
            {"kernel_memory", memory},
            {"notes", daemon.notes()}};
}

std::string hook_text(const Json &hook) {
    if (hook.is_null())
        return "-";
    return fmt::format("{} {}{}{}", hook["way"].get<std::string>(),
                       hook["position"].get<std::string>(),
                       hook["xdp"].is_null() ? "" : " xdp " + hook["xdp"].get<std::string>(),
                       hook["in_place"].get<bool>() ? "" : " (taken off by somebody)");
}

void print(const Daemon &daemon, const Json &status, Answer &answer) {
    answer.write(fmt::format("daemon {} pins {} config {}{}", status["pid"].get<int>(),
                             status["pins"].get<std::string>(), status["config"].get<std::string>(),
                             status["bypass"].get<bool>() ? " BYPASSED" : ""));
    answer.write(fmt::format(
        "{} patterns ({} rejected), {} rules, mark mask {:#010x}, limits {} packets {} bytes",
        status["patterns"].get<std::size_t>(), status["patterns_rejected"].get<std::size_t>(),
        status["rules"].get<std::size_t>(), status["mark_mask"].get<std::uint32_t>(),
        status["packets"].get<unsigned>(), status["bytes"].get<unsigned>()));
    for (const Json &device : status["devices"])
        answer.write(fmt::format("device {:<15} {:<8} ingress {} egress {}{}",
                                 device["dev"].get<std::string>(),
                                 !device["present"].get<bool>() ? "awaited"
                                 : device["up"].get<bool>()     ? "up"
                                                                : "down",
                                 hook_text(device["ingress"]), hook_text(device["egress"]),
                                 device["trouble"].get<std::string>().empty()
                                     ? ""
                                     : " " + device["trouble"].get<std::string>()));
    for (const Json &worker : status["workers"])
        answer.write(fmt::format(
            "worker samples {} verdicts {} undecided {} ring {}/{} latency p50 <{} us p99 <{} us",
            worker["samples"].get<std::uint64_t>(), worker["verdicts"].get<std::uint64_t>(),
            worker["undecided"].get<std::uint64_t>(), worker["ring_waiting"].get<std::uint64_t>(),
            worker["ring_size"].get<std::uint64_t>(),
            worker["latency_us"]["p50"].get<std::uint64_t>(),
            worker["latency_us"]["p99"].get<std::uint64_t>()));
    if (const Json &hints = status["hints"];
        !hints.is_null() && hints["taken"].get<std::uint64_t>() != 0)
        answer.write(fmt::format(
            "hints alive {} taken {} contrary {} left out {} pushed out {}",
            hints["alive"].get<std::size_t>(), hints["taken"].get<std::uint64_t>(),
            hints["contrary"].get<std::uint64_t>(), hints["left_out"].get<std::uint64_t>(),
            hints["pushed_out"].get<std::uint64_t>()));
    if (!status["export"].is_null())
        answer.write(export_text(status["export"]));
    if (const Json &marks = status["conntrack"]; !marks.is_null())
        answer.write(fmt::format(
            "conntrack marked {} untracked {} failed {} dropped {}{}",
            marks["marked"].get<std::uint64_t>(), marks["untracked"].get<std::uint64_t>(),
            marks["failed"].get<std::uint64_t>(), marks["dropped"].get<std::uint64_t>(),
            marks["last_error"].get<std::string>().empty()
                ? ""
                : "; last error: " + marks["last_error"].get<std::string>()));
    if (const Json &pickup = status["pickup"];
        std::ranges::any_of(pickup, [](const Json &one) { return one.is_number() && one != 0; }))
        answer.write(pickup_text(pickup));
    if (const auto sync = daemon.sync())
        for (const std::string &line : to_text(sync->report()))
            answer.write(line);
    for (const auto &[name, value] : status["counters"].items())
        if (value.get<std::uint64_t>() != 0)
            answer.write(fmt::format("counter {:<24} {}", name, value.get<std::uint64_t>()));
    for (const Json &line : status["notes"])
        answer.write("note " + line.get<std::string>());
}

} // namespace

Result<void> status_command(Daemon &daemon, const nlohmann::json &request, Answer &answer) {
    const auto counters = daemon.kernel().counters();
    if (!counters)
        return counters.error();
    const Json status = gather(daemon, *counters);
    if (request.value("json", false))
        answer.write(status.dump());
    else
        print(daemon, status, answer);
    return {};
}

} // namespace l7
