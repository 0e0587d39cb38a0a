// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/top_model.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace l7;
using Catch::Approx;

namespace {

TopFlow flow(std::uint16_t sport, std::uint64_t bytes, std::uint32_t age_s = 100) {
    TopFlow out;
    out.l4 = "tcp";
    out.src = "192.0.2.2";
    out.dst = "198.51.100.2";
    out.sport = sport;
    out.dport = 443;
    out.protocol = "tls";
    out.application = "video";
    out.hostname = "www.example.org";
    out.classid = "1:10";
    out.bytes = bytes;
    out.packets = bytes / 1000;
    out.age_s = age_s;
    return out;
}

TopSnapshot at(double time_s, std::vector<TopAccount> accounts, std::vector<TopFlow> flows = {}) {
    return {time_s, std::move(accounts), std::move(flows)};
}

std::vector<TopRow> rows(const TopModel &model, TopView view, std::string_view filter = {},
                         TopSort sort = TopSort::Rate, bool reversed = false) {
    return model.rows(view, sort, reversed, filter);
}

} // namespace

TEST_CASE("top: rates are between two snapshots, directions apart, devices together") {
    TopModel model;
    model.add(
        at(10, {{"eth0", false, "tls", 100, 100000, 1}, {"eth1", true, "tls", 50, 50000, 0}}));
    CHECK(!model.has_rates());
    CHECK(rows(model, TopView::Protocol).at(0).rate() == 0);
    model.add(at(12, {{"eth0", false, "tls", 300, 350000, 2},
                      {"eth1", true, "tls", 150, 100000, 1},
                      {"eth0", false, "ssh", 10, 1000, 1}}));
    CHECK(model.has_rates());
    const auto all = rows(model, TopView::Protocol);
    REQUIRE(all.size() == 2);
    CHECK(all[0].name == "tls");
    CHECK(all[0].in == Approx(1e6));
    CHECK(all[0].out == Approx(2e5));
    CHECK(all[0].packets == Approx(150));
    CHECK(all[0].flows == 3);
    CHECK(all[0].total == 450000);
    CHECK(all[1].in == Approx(4000)); // it began since
    CHECK(model.sum().in == Approx(1e6 + 4000));
    CHECK(model.sum().out == Approx(2e5));
}

TEST_CASE("top: counters that start again, and snapshots at the same time") {
    TopModel model;
    model.add(at(1, {{"eth0", false, "tls", 100, 100000, 1}}));
    model.add(at(2, {{"eth0", false, "tls", 1, 1000, 1}}));
    CHECK(rows(model, TopView::Protocol).at(0).in == Approx(8000));
    model.add(at(2, {{"eth0", false, "tls", 9, 9000, 1}})); // no time has passed
    CHECK(rows(model, TopView::Protocol).at(0).in == Approx(8000));
    model.add(at(3, {{"eth0", false, "tls", 2, 2000, 1}}));
    CHECK(rows(model, TopView::Protocol).at(0).in == Approx(8000));
}

TEST_CASE("top: flows by application, class, host and flow") {
    TopModel model;
    model.add(at(1, {}, {flow(1000, 5000), flow(1001, 0)}));
    model.add(at(2, {}, {flow(1000, 15000), flow(1001, 10000)}));
    const auto applications = rows(model, TopView::Application);
    REQUIRE(applications.size() == 1);
    CHECK(applications[0].name == "video");
    CHECK(applications[0].rate() == Approx(160000));
    CHECK(applications[0].flows == 2);
    CHECK(rows(model, TopView::Class).at(0).name == "1:10");
    const auto hosts = rows(model, TopView::Host);
    REQUIRE(hosts.size() == 2); // both ends, each with all of it
    CHECK(hosts[0].rate() == Approx(160000));
    CHECK(hosts[1].detail == "www.example.org");
    const auto flows = rows(model, TopView::Flow);
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].name == "tcp 192.0.2.2:1000 > 198.51.100.2:443");
    CHECK(flows[0].detail == "tls video www.example.org");
    CHECK(flows[0].rate() == Approx(80000));
    CHECK(flows[0].total == 15000);
    REQUIRE(flows[0].flow);
    CHECK(flows[0].flow->sport == 1000);
}

TEST_CASE("top: a flow seen for the first time counts if it began since, and an ended one goes") {
    TopModel model;
    model.add(at(1, {}, {flow(1, 1000)}));
    model.add(at(2, {}, {flow(1, 1000), flow(2, 4000, 0), flow(3, 9000, 500)}));
    const auto flows = rows(model, TopView::Flow);
    REQUIRE(flows.size() == 3);
    CHECK(flows[0].flow->sport == 2);
    CHECK(flows[0].rate() == Approx(32000));
    CHECK(flows[1].rate() == 0); // what it carried, it carried before
    model.add(at(3, {}, {flow(3, 10000, 501)}));
    CHECK(rows(model, TopView::Flow).size() == 1);
    CHECK(rows(model, TopView::Flow).at(0).rate() == Approx(8000));
    CHECK(rows(model, TopView::Host).at(0).rate() == Approx(8000));
}

TEST_CASE("top: a snapshot without flows does not make their next rate a peak") {
    TopModel model;
    model.add(at(1, {}, {flow(1, 0)}));
    model.add(at(2, {}));
    model.add(at(3, {}, {flow(1, 2000)}));
    CHECK(rows(model, TopView::Flow).at(0).rate() == Approx(8000));
}

TEST_CASE("top: sorting and filtering") {
    TopModel model;
    model.add(at(1, {}));
    model.add(at(2, {{"eth0", false, "bbb", 1, 3000, 5},
                     {"eth0", false, "aaa", 9, 2000, 7},
                     {"eth0", false, "abc", 5, 1000, 1}}));
    const auto order = [&](TopSort sort, bool reversed = false, std::string_view filter = {}) {
        std::string out;
        for (const TopRow &row : rows(model, TopView::Protocol, filter, sort, reversed))
            out += row.name + " ";
        return out;
    };
    CHECK(order(TopSort::Rate) == "bbb aaa abc ");
    CHECK(order(TopSort::Packets) == "aaa abc bbb ");
    CHECK(order(TopSort::Flows) == "aaa bbb abc ");
    CHECK(order(TopSort::Total) == "bbb aaa abc ");
    CHECK(order(TopSort::Name) == "aaa abc bbb ");
    CHECK(order(TopSort::Name, true) == "bbb abc aaa ");
    CHECK(order(TopSort::Rate, false, "B") == "bbb abc ");
    CHECK(order(TopSort::Rate, false, "nothing").empty());
}

TEST_CASE("top: the last minute as levels") {
    TopHistory history;
    CHECK(history.levels(0, 4) == std::vector<unsigned>{0, 0, 0, 0});
    CHECK(history.levels(0, 0).empty());
    history.add(0, 15, 10);
    history.add(15, 30, 80);
    history.add(30, 45, 0);
    history.add(45, 60, 1);
    CHECK(history.levels(60, 4) == std::vector<unsigned>{1, 8, 0, 1});
    CHECK(history.levels(75, 4) == std::vector<unsigned>{8, 0, 1, 0}); // time goes on
    CHECK(history.levels(60, 2) == std::vector<unsigned>{8, 1});
    for (int i = 60; i < 1000; i++)
        history.add(i, i + 1, 5);
    CHECK(history.size() == 60);
    CHECK(history.levels(1000, 3) == std::vector<unsigned>{8, 8, 8});
}

TEST_CASE("top: what has been silent for a minute is forgotten") {
    TopModel model;
    model.add(at(1, {}, {flow(1, 1000)}));
    for (int second = 2; second < 70; second++)
        model.add(at(second, {{"eth0", false, "ssh", 1, 1, 1}}));
    CHECK(model.flows_known() == 0);
    CHECK(rows(model, TopView::Application).empty());
    CHECK(rows(model, TopView::Protocol).size() == 1);
}

TEST_CASE("top: numbers take five columns") {
    CHECK(short_number(0) == "0");
    CHECK(short_number(999) == "999");
    CHECK(short_number(1000) == "1.00k");
    CHECK(short_number(12345) == "12.3k");
    CHECK(short_number(999400) == "999k");
    CHECK(short_number(999600) == "1.00M");
    CHECK(short_number(1.5e9) == "1.50G");
}
