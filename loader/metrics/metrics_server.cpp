// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/metrics_server.hpp"

#include "core/base/fields_json.hpp"
#include "metrics/families.hpp"
#include "metrics/page.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

std::uint64_t now_ms() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
            .count());
}

std::string dump(const Json &json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

constexpr Metric kRequests{"l7ctl_http_requests_total",
                           "Requests for metrics and page by what became of them.", "result"};
constexpr Metric kScrape{"l7ctl_scrape_duration_seconds",
                         "How long it took to read what is shown here."};

} // namespace

MetricsServer::MetricsServer(Source source, TopHosts::Source hosts, const MetricsConfig &config)
    : source_(std::move(source)), hosts_(std::move(hosts)),
      protocols_(config.protocols, L7_PROTOCOL_FIRST), applications_(config.applications, 1) {
    config_.listen.clear(); // nothing is listened at yet
}

Result<void> MetricsServer::configure(const MetricsConfig &config) {
    {
        const std::lock_guard lock(mutex_);
        protocols_.set_top(config.protocols);
        applications_.set_top(config.applications);
    }
    const std::lock_guard lock(serving_);
    if (config_ == config && (server_ || config.listen.empty()))
        return {};
    config_ = config;
    server_.reset();
    return listen();
}

void MetricsServer::stop() {
    const std::lock_guard lock(serving_);
    config_.listen.clear();
    server_.reset();
}

/// With serving_ held.
Result<void> MetricsServer::listen() {
    if (config_.listen.empty())
        return {};
    auto server =
        HttpServer::listen(config_.listen, config_.hosts, http_,
                           [this](const HttpRequest &request) { return answer(request); });
    if (!server)
        return server.error();
    server_ = std::move(*server);
    return {};
}

/// With mutex_ held.
Result<MetricsSnapshot> MetricsServer::read() {
    auto snapshot = source_();
    if (snapshot)
        rest_.hold(*snapshot);
    return snapshot;
}

void MetricsServer::tick() {
    const std::uint64_t now = now_ms();
    {
        const std::lock_guard lock(mutex_);
        if (now < next_ms_)
            return;
        next_ms_ = now + History::kIntervalMs;
        if (const auto snapshot = read()) {
            protocols_.update(snapshot->traffic);
            applications_.update(snapshot->applications);
            by_protocol_.add(now, snapshot->traffic);
            by_application_.add(now, snapshot->applications);
            class_rates_.add(now, *snapshot);
        }
    }
    const std::lock_guard lock(serving_);
    if (!server_)
        (void)listen(); // whoever had the address may be gone; that it failed was said before
}

Result<std::string> MetricsServer::scrape() {
    const std::lock_guard lock(mutex_);
    const auto start = Clock::now();
    const auto snapshot = read();
    if (!snapshot)
        return snapshot.error();
    protocols_.update(snapshot->traffic);
    applications_.update(snapshot->applications);
    auto families = metric_families(*snapshot, protocols_.series(), applications_.series());
    families.add(kRequests.as("answered"), http_.answered.load());
    families.add(kRequests.as("refused"), http_.refused.load());
    const std::chrono::duration<double> took = Clock::now() - start;
    families.add(kScrape, took.count());
    return exposition(std::move(families));
}

Result<std::string> MetricsServer::history(const HttpRequest &request) {
    const std::string direction = request.variable("direction");
    const std::lock_guard lock(mutex_);
    const History &of = request.variable("by") == "application" ? by_application_ : by_protocol_;
    return dump(
        of.json(now_ms(), request.variable("dev"), direction.empty() ? "ingress" : direction));
}

Result<std::string> MetricsServer::classes() {
    const std::lock_guard lock(mutex_);
    return dump(class_rates_.json());
}

Result<std::string> MetricsServer::hosts(const HttpRequest &request) {
    const auto found = hosts_.json(now_ms(), request.variable("by") == "bytes");
    if (!found)
        return found.error();
    return dump(*found);
}

Result<std::string> MetricsServer::health() {
    MetricsSnapshot snapshot;
    {
        const std::lock_guard lock(mutex_);
        auto now = read();
        if (!now)
            return now.error();
        snapshot = std::move(*now);
    }
    Json devices = Json::array(), tables = Json::array();
    const auto hook = [](const std::optional<HookReport> &at) {
        return !at ? "off" : at->in_place ? "ok" : "missing";
    };
    for (const DeviceReport &device : snapshot.status.devices)
        devices.push_back(
            {{"dev", device.name},
             {"ingress", hook(device.ingress)},
             {"egress", hook(device.egress)},
             {"trouble", device.present ? device.trouble : "awaited: there is no such device"}});
    for (const TableUse &table : snapshot.tables)
        write_fields(tables.emplace_back(), table);
    std::uint64_t used = 0, room = 0, p99 = 0;
    for (const WorkerReport &worker : snapshot.status.workers) {
        used += worker.ring_waiting;
        room += worker.ring_size;
        p99 = std::max(p99, worker.latency.quantile(0.99));
    }
    const Counters &counters = snapshot.status.counters;
    return dump({{"version", snapshot.version},
                 {"bypass", snapshot.status.bypass},
                 {"records", counters.records},
                 {"records_lost", counters.records_lost},
                 {"table_failures", counters.newcomers_failed + counters.flows_failed},
                 {"parse_errors", sum_of_fields(counters, families::parse_errors.family)},
                 {"ring_used_bytes", used},
                 {"ring_bytes", room},
                 {"latency_p99_us", p99},
                 {"devices", devices},
                 {"tables", tables}});
}

HttpAnswer MetricsServer::answer(const HttpRequest &request) {
    const auto give = [](Result<std::string> text, const char *type) {
        return text ? HttpAnswer{200, type, std::move(*text)}
                    : HttpAnswer{503, "text/plain", text.error().message + "\n"};
    };
    if (request.path == "/metrics")
        return give(scrape(), "text/plain; version=0.0.4");
    if (request.path == "/")
        return {200, "text/html", kPage};
    if (request.path == "/api/history")
        return give(history(request), "application/json");
    if (request.path == "/api/classes")
        return give(classes(), "application/json");
    if (request.path == "/api/hosts")
        return give(hosts(request), "application/json");
    if (request.path == "/api/health")
        return give(health(), "application/json");
    return {404, "text/plain",
            "Nothing is here: /, /metrics, /api/history, /api/classes, /api/hosts, "
            "/api/health.\n"};
}

} // namespace l7
