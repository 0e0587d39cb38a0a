// SPDX-License-Identifier: GPL-2.0-or-later
// What the page shows besides history: classes against their limits, and top hosts.
#include "core/policy/config.hpp"
#include "metrics/class_rates.hpp"
#include "metrics/families.hpp"
#include "metrics/top_hosts.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <future>
#include <nlohmann/json.hpp>

using namespace l7;

namespace {

constexpr const char *kShape = R"([[shape]]
dev = "eth0"
up = "8mbit"
[[class]]
name = "people"
rate = "4mbit"
ceil = "100%"
[[class]]
name = "staff"
parent = "people"
rate = "50%"
[[class]]
name = "guests"
parent = "people"
rate = "25%"
default = true
)";

ShapeConfig shape() {
    const auto config = parse_config(kShape, "x.toml");
    INFO((config ? "" : config.error().message));
    REQUIRE(config);
    return config->shape;
}

/// Bytes so far of "1:20", "1:99" and what has no class, at eth0's egress.
MetricsSnapshot counted(std::uint64_t staff, std::uint64_t only_ruled, std::uint64_t none) {
    const ShapeConfig config = shape();
    MetricsSnapshot out;
    out.class_limits = limits_of(config, config.devices.at(0), L7_EGRESS);
    out.classes = {{L7_EGRESS, "eth0", "1:20", "staff", {1, staff}},
                   {L7_EGRESS, "eth0", "1:99", "", {1, only_ruled}},
                   {L7_EGRESS, "eth0", kNoClass, "", {1, none}}};
    return out;
}

} // namespace

TEST_CASE("classes have the limits of their direction, parents first") {
    const ShapeConfig config = shape();
    const auto limits = limits_of(config, config.devices.at(0), L7_EGRESS);
    REQUIRE(limits.size() == 4);
    CHECK(limits[0].classid == "1:1");
    CHECK(limits[0].parent.empty());
    CHECK(limits[0].ceil == 1'000'000);
    CHECK(limits[1].name == "people");
    CHECK(limits[1].parent == "1:1");
    CHECK(limits[1].rate == 500'000);
    CHECK(limits[1].ceil == 1'000'000);
    CHECK(limits[2].rate == 250'000);
    CHECK(limits[3].is_default);
    CHECK(limits_of(config, config.devices.at(0), L7_INGRESS).empty()); // no down is configured
}

TEST_CASE("rates of classes are since the last sample, and parents have their children's") {
    ClassRates rates;
    rates.add(1000, counted(1'000'000, 500, 9000));
    for (const auto &row : rates.json())
        CHECK(row["bytes_per_s"] == 0); // what passed before is nobody's rate
    rates.add(6000, counted(1'500'000, 5500, 19000));
    const auto json = rates.json();
    REQUIRE(json.size() == 5);
    const double wanted[] = {102'000, 102'000, 100'000, 2000, 1000};
    const unsigned depths[] = {0, 1, 2, 2, 0};
    for (std::size_t i = 0; i < json.size(); i++) {
        CHECK(json[i]["bytes_per_s"] == wanted[i]);
        CHECK(json[i]["depth"] == depths[i]);
        CHECK(json[i]["direction"] == "egress");
    }
    CHECK(json[3]["default"] == true);
    CHECK(json[4]["classid"] == "1:99"); // only rules name it
    CHECK(json[4]["ceil"] == 0);
    rates.add(11000, counted(5000, 5500, 19000)); // the device was attached anew
    CHECK(rates.json()[2]["bytes_per_s"] == 1000);
}

TEST_CASE("where no rule gives a class and none is configured, nothing is shown") {
    MetricsSnapshot snapshot;
    snapshot.classes = {{0, "eth0", kNoClass, "", {1, 100}}};
    ClassRates rates;
    rates.add(1000, snapshot);
    CHECK(rates.json().empty());
}

TEST_CASE("limits of classes are exported") {
    const std::string text = exposition(metric_families(counted(1, 2, 3), {}, {}));
    CHECK_THAT(text, Catch::Matchers::ContainsSubstring(
                         "l7ctl_class_rate_bytes_per_second{dev=\"eth0\",direction=\"egress\","
                         "classid=\"1:20\",class=\"staff\"} 250000\n"));
    CHECK_THAT(text, Catch::Matchers::ContainsSubstring(
                         "l7ctl_class_ceil_bytes_per_second{dev=\"eth0\",direction=\"egress\","
                         "classid=\"1:10\",class=\"people\"} 1000000\n"));
}

TEST_CASE("hosts are looked for once in a while, and by one at a time") {
    unsigned walks = 0;
    std::promise<void> in, go;
    TopHosts hosts([&]() -> Result<HostsReport> {
        if (++walks == 1) {
            in.set_value();
            go.get_future().wait();
        } else if (walks == 3) {
            return Error{"no"};
        }
        HostsReport out;
        out.by_rate = {{"192.0.2.1", "<b>\xff", 10, 20, 1}};
        out.by_bytes = {{"192.0.2.2", "", 1, 30, 1}};
        out.flows = walks;
        return out;
    });
    auto first = std::async(std::launch::async, [&] { return hosts.json(1000, false); });
    in.get_future().wait();
    const auto meanwhile = hosts.json(1000, false); // does not wait
    REQUIRE(meanwhile);
    CHECK((*meanwhile)["hosts"].empty());
    CHECK((*meanwhile)["complete"] == false);
    go.set_value();
    const auto found = first.get();
    REQUIRE(found);
    CHECK((*found)["hosts"][0]["address"] == "192.0.2.1");
    CHECK((*hosts.json(1000 + TopHosts::kLifeMs - 1, true))["hosts"][0]["address"] == "192.0.2.2");
    CHECK(walks == 1);
    CHECK((*hosts.json(1000 + TopHosts::kLifeMs, false))["flows"] == 2);
    CHECK_FALSE(hosts.json(1000 + 2 * TopHosts::kLifeMs, false));
}
