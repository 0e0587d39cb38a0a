// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/fields_json.hpp"
#include "metrics/families.hpp"
#include "metrics/history.hpp"
#include "metrics/host.hpp"
#include "metrics/metrics_server.hpp"
#include "metrics/series.hpp"
#include "metrics/steady_rest.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fnmatch.h>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

using namespace l7;
using Catch::Matchers::ContainsSubstring;

namespace {

TrafficRow row(std::uint16_t protocol, std::uint64_t bytes, const std::string &dev = "eth0",
               unsigned attach = 0) {
    const std::string name = protocol == L7_UNSET ? "unset" : "p" + std::to_string(protocol);
    return {attach, dev, protocol, name, {bytes / 100, bytes, bytes / 1000}};
}

std::uint64_t bytes_of(const BoundedTraffic &traffic, const std::string &protocol) {
    std::uint64_t sum = 0;
    for (const TrafficSeries &one : traffic.series())
        if (one.name == protocol)
            sum += one.account.bytes;
    return sum;
}

std::set<std::string> labels_of(const BoundedTraffic &traffic) {
    std::set<std::string> out;
    for (const TrafficSeries &one : traffic.series())
        out.insert(one.name);
    return out;
}

} // namespace

TEST_CASE("traffic has the protocols with most bytes, what has no protocol, and other") {
    BoundedTraffic traffic(2, L7_PROTOCOL_FIRST);
    traffic.update({row(L7_UNSET, 7), row(20, 5000), row(21, 9000), row(22, 100), row(23, 200)});
    CHECK(labels_of(traffic) == std::set<std::string>{"unset", "p20", "p21", "other"});
    CHECK(bytes_of(traffic, "unset") == 7);
    CHECK(bytes_of(traffic, "p20") == 5000);
    CHECK(bytes_of(traffic, "other") == 300);
}

TEST_CASE("a protocol that rises takes a name without any counter going back") {
    BoundedTraffic traffic(2, L7_PROTOCOL_FIRST);
    traffic.update({row(20, 1000), row(21, 5000), row(22, 900)});
    CHECK(bytes_of(traffic, "other") == 900);
    SECTION("not for a little more than another") {
        traffic.update({row(20, 1000), row(21, 5000), row(22, 1900)});
        CHECK(labels_of(traffic) == std::set<std::string>{"p20", "p21", "other"});
        CHECK(bytes_of(traffic, "other") == 1900);
    }
    SECTION("but where it is clear") {
        traffic.update({row(20, 1000), row(21, 5000), row(22, 4000)});
        CHECK(labels_of(traffic) == std::set<std::string>{"p21", "p22", "other"});
        CHECK(bytes_of(traffic, "p22") == 3100); // what it gained since
        CHECK(bytes_of(traffic, "other") == 900);
    }
}

TEST_CASE("a slot that another device takes starts anew, and flows never go back") {
    BoundedTraffic traffic(5, L7_PROTOCOL_FIRST);
    traffic.update({row(20, 5000)});
    traffic.update({row(20, 6000, "eth1")});
    REQUIRE(traffic.series().size() == 2); // p20 and other
    CHECK(traffic.series().front().dev == "eth1");
    CHECK(bytes_of(traffic, "p20") == 6000);
    TrafficRow less = row(20, 7000, "eth1");
    less.account.flows = 2; // four were judged better since
    traffic.update({less});
    CHECK(traffic.series().front().account.flows == 6);
    less.account.flows = 5;
    traffic.update({less});
    CHECK(traffic.series().front().account.flows == 6);
    traffic.update({});
    CHECK(traffic.series().empty());
}

TEST_CASE("every counter of the kernel's is exported once") {
    std::array<std::uint64_t, L7_COUNTERS> values;
    for (std::size_t i = 0; i < values.size(); i++)
        values[i] = 1000 + i;
    std::multiset<std::uint64_t> seen;
    Families families;
    families.add_fields(Counters{std::bit_cast<l7_counters>(values)});
    for (const auto &family : families.take()) {
        CHECK(family.name.ends_with("_total"));
        for (const auto &metric : family.metric)
            seen.insert(static_cast<std::uint64_t>(metric.counter.value));
    }
    CHECK(seen == std::multiset<std::uint64_t>(values.begin(), values.end()));
}

TEST_CASE("a snapshot becomes text for Prometheus") {
    MetricsSnapshot snapshot;
    snapshot.version = "1.2";
    snapshot.traffic = {row(L7_UNSET, 4000), row(20, 5000)};
    snapshot.status.counters.records_lost = 3;
    snapshot.status.pickup.limited = 9;
    snapshot.status.devices = {
        {"eth0", true, true, false, HookReport{"tcx", "tail", true}, HookReport{}, ""}};
    snapshot.tables = {{"flows", 10, 128}};
    WorkerReport worker;
    worker.ring_size = 65536;
    worker.listener.torn = 3;
    worker.listener.announcements.privileged_port = 5;
    worker.latency.add(15);
    worker.latency.add(16);
    worker.latency.add(5'000'000);
    snapshot.status.workers = {worker, worker};
    BoundedTraffic traffic(5, L7_PROTOCOL_FIRST);
    traffic.update(snapshot.traffic);
    const std::string text = exposition(metric_families(snapshot, traffic.series(), {}));

    for (const char *line : {
             "# TYPE l7ctl_bytes_total counter\n",
             "l7ctl_bytes_total{dev=\"eth0\",direction=\"ingress\",protocol=\"p20\"} 5000\n",
             "l7ctl_flows_total{dev=\"eth0\",direction=\"ingress\",protocol=\"p20\"} 5\n",
             "l7ctl_unjudged_flows{dev=\"eth0\",direction=\"ingress\"} 4\n",
             "l7ctl_device_attached{dev=\"eth0\",direction=\"ingress\"} 1\n",
             "l7ctl_device_attached{dev=\"eth0\",direction=\"egress\"} 0\n",
             "l7ctl_ring_lost_records_total 3\n",
             "l7ctl_pickups_total{result=\"limited\"} 9\n",
             "l7ctl_expect_parents_total{event=\"torn\"} 6\n",
             "l7ctl_expect_announcements_total{result=\"privileged_port\"} 10\n",
             "l7ctl_table_max_entries{table=\"flows\"} 128\n",
             "l7ctl_verdict_latency_seconds_bucket{le=\"1.6e-05\"} 2\n",
             "l7ctl_verdict_latency_seconds_bucket{le=\"3.2e-05\"} 4\n",
             "l7ctl_verdict_latency_seconds_bucket{le=\"+Inf\"} 6\n",
             "l7ctl_verdict_latency_seconds_count 6\n",
             "l7ctl_ring_size_bytes{worker=\"1\"} 65536\n",
         })
        CHECK_THAT(text, ContainsSubstring(line));
    CHECK_THAT(text, !ContainsSubstring("l7ctl_flows_total{dev=\"eth0\",direction=\"ingress\","
                                        "protocol=\"unset\"}"));
}

namespace {

/// With something of everything.
MetricsSnapshot full_snapshot() {
    MetricsSnapshot out;
    out.traffic = {row(L7_UNSET, 1), row(20, 1)};
    out.applications = {row(5, 1)};
    out.classes = {{0, "eth0", "1:10", "films", {1, 1}}};
    out.class_limits = {{0, "eth0", "1:10", "1:1", "films", 1, 1, false}};
    out.rule_traffic = {{1, {1, 1}}};
    out.tables = {{"flows", 1, 1}};
    out.status.devices = {{"eth0", true, true, false, HookReport{"tcx", "tail", true}, {}, ""}};
    out.status.workers.resize(1);
    out.status.conntrack.emplace();
    out.status.sync.emplace().peers.resize(1);
    out.status.kernel_memory = {{"flows", 1}};
    return out;
}

std::set<std::string> matches(const std::string &text, const std::string &pattern) {
    const std::regex regex(pattern);
    std::set<std::string> out;
    for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
        out.insert((*at)[1]);
    return out;
}

} // namespace

TEST_CASE("the manual has every metric, and no other") {
    MetricsServer server([]() -> Result<MetricsSnapshot> { return full_snapshot(); }, {}, {});
    const auto text = server.scrape();
    REQUIRE(text);
    std::ifstream in(L7_SOURCE_DIR "/docs/l7ctl.8.md");
    const std::string page{std::istreambuf_iterator<char>(in), {}};
    const std::size_t begin = page.find("\n# METRICS\n");
    REQUIRE(begin != page.npos);
    const std::string section = page.substr(begin, page.find("\n# ", begin + 1) - begin);

    const auto families = matches(*text, "# TYPE (\\w+) "),
               named = matches(section, "(l7ctl_[\\w*]+)");
    CHECK(families.size() > 60);
    for (const std::string &family : families) {
        INFO(family);
        CHECK(std::ranges::any_of(named, [&](const std::string &name) {
            return fnmatch(name.c_str(), family.c_str(), 0) == 0;
        }));
    }
    for (const std::string &name : named) {
        INFO(name);
        CHECK(std::ranges::any_of(families, [&](const std::string &family) {
            return fnmatch(name.c_str(), family.c_str(), 0) == 0;
        }));
    }
}

TEST_CASE("a report is read back as it was written") {
    StatusReport status;
    status.config = "/etc/l7ctl/l7ctl.toml";
    status.bypass = true;
    status.mark_mask = 0xff00;
    status.tunnels = {"gre"};
    status.devices = {{"eth0", true, false, true, HookReport{"tcx", "head", true}, {}, "why"}};
    status.counters.records_lost = 7;
    status.workers.resize(2);
    status.workers[1].ring_size = 65536;
    status.workers[1].classifier.judged = 3;
    status.conntrack.emplace().marked = 4;
    status.sync.emplace().peers.resize(1);
    status.kernel_memory = {{"flows", 5}};
    const std::string line = json_line(status);
    const auto json = nlohmann::ordered_json::parse(line);
    CHECK(json["hints"].is_null());
    CHECK(json["devices"][0]["egress"].is_null());
    CHECK(json["devices"][0]["ingress"]["xdp"].is_null());
    CHECK(json["workers"][1]["latency_us"]["p50"] == 0);
    CHECK(json["counters"].size() == L7_COUNTERS);

    const auto back = read_fields<StatusReport>(nlohmann::json::parse(line));
    CHECK(json_line(back) == line);
    CHECK(back.workers.at(1).classifier.judged == 3);
    CHECK_FALSE(back.devices.at(0).egress);
}

TEST_CASE("all that counts announcements is listed") {
    std::array<std::uint64_t, sizeof(ExpectCounters) / sizeof(std::uint64_t)> ones;
    ones.fill(1);
    CHECK(sum_of_fields(std::bit_cast<ExpectCounters>(ones)) == ones.size());
}

TEST_CASE("only requests that mean this host are answered") {
    const std::vector<std::string> names{"Router.lan", "192.0.2.9"};
    for (const char *host :
         {"localhost", "LOCALHOST:9817", "127.0.0.1", "127.0.0.1:9817", "[::1]:1", "[::1]",
          "192.0.2.1:80", "192.0.2.1", "router.lan", "ROUTER.LAN:9817", "192.0.2.9"})
        CHECK(host_allowed(host, "192.0.2.1:9817", names));
    for (const char *host : {"", "evil.example", "evil.example:9817", "localhost.evil.example",
                             "127.0.0.1.evil.example", "192.0.2.2", "::1", "[::1", "[::1]x",
                             "localhost:", "localhost:x", "localhost:80:80", "user@localhost",
                             " localhost", "127.0.0.1:123456", ":80"})
        CHECK_FALSE(host_allowed(host, "192.0.2.1:9817", names));
    CHECK(host_allowed("[2001:DB8::1]:9817", "[2001:db8::1]:9817", {}));
}

TEST_CASE("history is bounded and shows what passed in each interval") {
    History history;
    std::vector<TrafficRow> rows;
    for (std::uint16_t protocol = 20; protocol < 60; protocol++)
        rows.push_back(row(protocol, 1));
    for (std::uint64_t i = 1; i <= History::kSamples + 20; i++) {
        for (TrafficRow &one : rows)
            one.account.bytes += one.number;
        history.add(i * History::kIntervalMs, rows);
    }
    const std::uint64_t now = (History::kSamples + 20) * History::kIntervalMs;
    const auto json = history.json(now, "", "ingress");
    CHECK(json["ages_s"].size() == History::kSamples);
    CHECK(json["ages_s"].back() == 0);
    CHECK(json["lengths_s"].front() == 5);
    REQUIRE(json["series"].size() == History::kShownSeries + 1);
    CHECK(json["series"][0]["name"] == "p59");
    CHECK(json["series"][0]["bytes"].back() == 59);
    CHECK(json["series"].back()["name"] == "other");
    std::uint64_t sum = 0;
    for (const auto &one : json["series"])
        sum += one["bytes"].back().get<std::uint64_t>();
    CHECK(sum == (20 + 59) * 40 / 2);
    CHECK(history.json(now, "eth1", "ingress")["series"].empty());
    CHECK(history.json(now, "", "egress")["series"].empty());
    CHECK(history.json(now, "", "x")["devices"] == nlohmann::ordered_json{"eth0"});
}

TEST_CASE("what has no application or class never falls, unless all was cleared") {
    const auto snapshot = [](std::uint64_t whole, std::uint64_t none, const char *dev = "eth0") {
        MetricsSnapshot out;
        out.traffic = {{0, dev, 20, "http", {whole / 10, whole, 0}}};
        out.applications = {{0, dev, 5, "web", {1, whole - none, 0}},
                            {0, dev, 0, "none", {none / 10, none, 0}}};
        out.classes = {{0, dev, kNoClass, "", {none / 10, none}}};
        return out;
    };
    SteadyRest rest;
    const auto held = [&](MetricsSnapshot now) {
        rest.hold(now);
        CHECK(now.applications[1].account.bytes == now.classes[0].hits.bytes);
        return now.applications[1].account.bytes;
    };
    CHECK(held(snapshot(5000, 1000)) == 1000);
    MetricsSnapshot less = snapshot(6000, 990);
    rest.hold(less);
    CHECK(less.applications[1].account.bytes == 1000);
    CHECK(less.applications[1].account.packets == 100);
    CHECK(less.classes[0].hits.bytes == 1000);
    CHECK(held(snapshot(7000, 1200)) == 1200);
    CHECK(held(snapshot(600, 100)) == 100);
    CHECK(held(snapshot(700, 50, "eth1")) == 50);
}
