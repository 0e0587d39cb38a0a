// SPDX-License-Identifier: GPL-2.0-or-later
// How a running daemon answers: each request and the parts make a report.
#pragma once

#include "control/requests.hpp"
#include "control/server.hpp"

namespace l7 {

struct HostsReport;
struct MetricsSnapshot;
struct Parts;
struct StatusReport;

/// Takes the request apart and answers it.
Result<void> carry_out(const Parts &parts, const nlohmann::json &request, Answer &answer);

// Answers that have a file of their own; the others are beside carry_out.
Result<void> answer_to(const Parts &parts, const request::Status &request, Answer &answer);
Result<void> answer_to(const Parts &parts, const request::Flows &request, Answer &answer);
Result<void> answer_to(const Parts &parts, const request::Explain &request, Answer &answer);
Result<void> answer_to(const Parts &parts, const request::Stats &request, Answer &answer);
Result<void> answer_to(const Parts &parts, const request::Facts &request, Answer &answer);
Result<void> answer_to(const Parts &parts, const request::ExportFlows &request, Answer &answer);
Result<void> answer_to(const Parts &parts, const request::ImportFlows &request, Answer &answer);
Result<void> answer_to(const Parts &parts, const request::Sync &request, Answer &answer);

/// Devices, counters, workers and memory, as they are now.
Result<StatusReport> status_report(const Parts &parts);

// What the metrics' server asks, from any thread: everything but hosts, from counters and per-CPU
// accounting; and the hosts with most traffic, for which flows are walked for a second at most, in
// a thread that gives way to those that match.
Result<MetricsSnapshot> metrics_snapshot(const Parts &parts);
Result<HostsReport> walk_hosts(const Parts &parts);

} // namespace l7
