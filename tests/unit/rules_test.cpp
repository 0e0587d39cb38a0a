// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/dscp.hpp"
#include "core/policy/rule_checks.hpp"
#include "support/rules.hpp"

#include <l7ctl/rules.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>
#include <random>

using namespace l7;
using namespace l7::test;

namespace {

struct Compiled {
    Knowledge knowledge = knowledge_of({{"ssh", {"remote"}}, {"bittorrent", {"p2p"}}});
    std::vector<std::string> warnings;
    RuleTables tables;

    explicit Compiled(const std::string &text) {
        const auto config = parse_config(text, "x.toml");
        INFO(text << (config ? "" : config.error().message));
        REQUIRE(config);
        tables = RuleTables::compile(config->rules, knowledge);
        warnings = check_rules(*config, knowledge);
    }

    std::uint16_t number(const char *name) const { return knowledge.protocols->find(name); }

    /// The first rule of a flow, counted from 1; 0: none.
    unsigned rule(std::uint16_t protocol, const std::string &host = {},
                  const std::string &address = "192.0.2.1", std::uint16_t port = 80) const {
        l7_rule_look look{};
        look.protocol = tables.protocols()[protocol];
        look.application = tables.applications()[0];
        look.host = tables.host(host);
        look.port = tables.ports()[port];
        const auto prefix = parse_prefix(address);
        unsigned longest = 0;
        for (const auto &[known, bits] : tables.prefixes())
            if (known.covers(*prefix) && known.bits >= longest) {
                longest = known.bits;
                look.address = bits;
            }
        const std::uint64_t met = l7_rules_of(&look);
        return met ? static_cast<unsigned>(std::countr_zero(met)) + 1 : 0;
    }
};

} // namespace

TEST_CASE("a mark tells a protocol where a single rule that lasts writes it for that alone") {
    const Compiled c(R"(
[[rule]]
protocol = "ssh"
mark = 0x100
[[rule]]
protocol = ["ssh", "bittorrent"]
mark = 0x200
[[rule]]
protocol = "bittorrent"
rate = "1M:"
mark = 0x300
[[rule]]
protocol = "bittorrent"
mark = 0x400
[[rule]]
group = "remote"
mark = 0x500
[[rule]]
protocol = "ssh"
port = 2222
mark = 0x400
[[rule]]
protocol = "bittorrent"
mark = "0x6000/0xf000"
)");
    REQUIRE(c.tables.named_by(0x100, 0xff00));
    CHECK(c.tables.named_by(0x100, 0xff00)->protocol == "ssh");
    CHECK(c.tables.named_by(0xab0001ff, 0xff00)->protocol == "ssh"); // others' bits
    CHECK(c.tables.named_by(0x6000, 0xff00)->protocol == "bittorrent");
    CHECK(c.tables.named_by(0x6f00, 0xff00)->protocol == "bittorrent");
    for (const std::uint32_t doubtful : {0U, 0x200U, 0x300U, 0x400U, 0x500U, 0x700U})
        CHECK_FALSE(c.tables.named_by(doubtful, 0xff00));
    CHECK_FALSE(c.tables.named_by(0x100, 0)); // no bits are ours
}

TEST_CASE("the first rule that a flow meets decides") {
    const Compiled c(R"(
[[rule]]
protocol = "ssh"
mark = 0x100
[[rule]]
group = ["remote", "p2p"]
classid = "1:20"
[[rule]]
unset = true
classid = "1:30"
[[rule]]
protocol = "shh"
group = "p3p"
mark = 0x200
[[rule]]
mark = 0x300
)");
    CHECK(c.rule(c.number("ssh")) == 1);
    CHECK(c.rule(c.number("bittorrent")) == 2);
    CHECK(c.rule(L7_UNSET) == 3);
    CHECK(c.rule(L7_UNKNOWN) == 5);
    CHECK(c.rule(L7_NON_IP) == 0);
    REQUIRE(c.warnings.size() == 2);
    CHECK(c.warnings[0] == "line 11: no protocol is called 'shh'; did you mean 'ssh'?");
    CHECK(c.warnings[1] == "line 11: no group is called 'p3p'; did you mean 'p2p'?");
}

TEST_CASE("host names, addresses and ports of rules") {
    const Compiled c(R"(
[[rule]]
hostname = ["*.video.example", "video.example"]
mark = 0x100
[[rule]]
address = "192.0.2.0/25"
port = [22, "8000:8100"]
mark = 0x200
[[rule]]
address = ["192.0.2.0/24", "2001:db8::/32"]
mark = 0x300
)");
    const std::uint16_t ssh = c.number("ssh");
    CHECK(c.rule(ssh, "A.Video.Example") == 1);
    CHECK(c.rule(ssh, "video.example") == 1);
    CHECK(c.rule(ssh, "xvideo.example", "203.0.113.1") == 0);
    CHECK(c.rule(ssh, "", "192.0.2.1", 22) == 2);
    CHECK(c.rule(ssh, "", "192.0.2.1", 8100) == 2);
    CHECK(c.rule(ssh, "", "192.0.2.1", 8101) == 3);
    CHECK(c.rule(ssh, "", "192.0.2.200", 22) == 3);
    CHECK(c.rule(L7_UNSET, "", "2001:db8::1") == 3);
    CHECK(c.rule(ssh, "", "2001:db9::1") == 0);
    CHECK(c.tables.hook("eth0", L7_INGRESS) == 7);
}

TEST_CASE("devices and directions of rules") {
    const Compiled c("[[rule]]\ndevice = \"eth0\"\ndirection = \"egress\"\ndrop = true\n"
                     "[[rule]]\ndirection = \"ingress\"\nkeep = true\n");
    CHECK(c.tables.hook("eth0", L7_EGRESS) == 1);
    CHECK(c.tables.hook("eth0", L7_INGRESS) == 2);
    CHECK(c.tables.hook("eth1", L7_EGRESS) == 0);
    CHECK(c.tables.rules()[0].outcome == L7_O_DROP);
    CHECK(c.tables.rules()[1].outcome == L7_O_KEEP);
}

TEST_CASE("rules that no flow reaches are told of") {
    CHECK(Compiled("[[rule]]\nmark=0x100\n[[rule]]\nprotocol=\"ssh\"\nmark=0x200\n")
              .warnings.size() == 1);
    CHECK(Compiled("[[rule]]\nprotocol=[\"ssh\",\"bittorrent\"]\nmark=0x100\n"
                   "[[rule]]\nprotocol=\"ssh\"\nport=22\nmark=0x200\n")
              .warnings.size() == 1);
    CHECK(Compiled("[[rule]]\nprotocol=\"ssh\"\nrate=\"1M:\"\nmark=0x100\n"
                   "[[rule]]\nprotocol=\"ssh\"\nmark=0x200\n")
              .warnings.empty());
    CHECK(Compiled("[[rule]]\nunset=true\nmark=0x100\n[[rule]]\nprotocol=\"ssh\"\nmark=0x200\n")
              .warnings.empty());
}

TEST_CASE("classes by name, marks under a mask, and DSCP") {
    const Compiled c(R"(
[[rule]]
protocol = "ssh"
class = "calls"
mark = "0x100/0x300"
set_dscp = "EF"
[[rule]]
dscp = ["af41", 8]
mark = 0x8000
[[shape]]
dev = "eth0"
up = "10mbit"
[[class]]
name = "calls"
rate = "50%"
[[class]]
name = "rest"
rate = "50%"
default = true
)");
    const l7_rule &first = c.tables.rules()[0];
    CHECK(first.outcome == (L7_O_CLASS | L7_O_MARK | L7_O_DSCP));
    CHECK(first.classid == 0x10010);
    CHECK(first.mark == 0x100);
    CHECK(first.mark_mask == 0x300);
    CHECK(first.dscp == 46);
    CHECK(c.tables.rules()[1].mark_mask == 0xff00);
    CHECK(c.tables.by_dscp() == 2);
    CHECK(c.tables.dscps()[34] == 3);
    CHECK(c.tables.dscps()[8] == 3);
    CHECK(c.tables.dscps()[0] == 1);
    CHECK(c.tables.lines() == std::vector<unsigned>{2, 7});
    REQUIRE(c.warnings.size() == 1);
    CHECK(c.warnings[0] == "line 7: the mark 0x8000/0xff00 overlaps with 0x100/0x300 of line 2");
}

TEST_CASE("what rules cannot mean is refused with its place") {
    const auto refused = [](const std::string &rule) {
        const auto config = parse_config(
            "[[class]]\nname = \"all\"\nrate = \"50%\"\n[[class]]\n"
            "name = \"a\"\nparent = \"all\"\nrate = \"50%\"\ndefault = true\n[[shape]]\n"
            "dev = \"eth0\"\nup = \"1mbit\"\n[[rule]]\n" +
                rule,
            "x.toml");
        return config ? "" : config.error().message.substr(0, config.error().message.find('\n'));
    };
    CHECK(refused("class = \"b\"") ==
          "x.toml:13:9: no [[class]] is called so; classid takes \"MAJ:MIN\"");
    CHECK(refused("class = \"all\"") ==
          "x.toml:13:9: 'all' has classes below it, which take its packets");
    CHECK(refused("class = \"a\"\nclassid = \"1:10\"") ==
          "x.toml:13:9: a rule has class or classid, not both");
    CHECK(refused("mark = \"0x300/0x100\"") ==
          "x.toml:13:8: the mark has bits outside its own mask");
    CHECK(refused("mark = \"0x1/0x1\"") == "x.toml:13:8: the mark has bits outside [mark] mask");
    CHECK(refused("mark = \"x\"") == "x.toml:13:8: mark is a number, or \"VALUE/MASK\"");
    CHECK(refused("set_dscp = 64").starts_with("x.toml:13:12: a DSCP is a name"));
    CHECK(refused("set_dscp = 1\ndrop = true").starts_with("x.toml:12:1: a rule needs class"));
    CHECK(refused("class = \"a\"").empty());
}

TEST_CASE("classes that get nothing, and marks of two classes, are told of") {
    const std::string shape = "[[shape]]\ndev = \"eth0\"\nup = \"10mbit\"\n[[class]]\n"
                              "name = \"a\"\nrate = \"30%\"\n[[class]]\nname = \"b\"\n"
                              "rate = \"70%\"\ndefault = true\n";
    CHECK(Compiled(shape).warnings ==
          std::vector<std::string>{"class 'a' (1:10): no rule gives it"});
    CHECK(Compiled(shape + "[[rule]]\nprotocol = \"ssh\"\nclassid = \"1:10\"\n").warnings.empty());
    CHECK(Compiled(shape +
                   "[[rule]]\nprotocol = \"ssh\"\nclass = \"a\"\nmark = 0x100\n"
                   "[[rule]]\nprotocol = \"bittorrent\"\nclassid = \"1:30\"\nmark = 0x100\n")
              .warnings ==
          std::vector<std::string>{
              "line 15: the mark 0x100 is that of line 11 too, whose class is another",
              "line 15: there is no [[class]] with the number 1:30"});
}

TEST_CASE("names of code points") {
    CHECK(parse_dscp("EF") == 46);
    CHECK(parse_dscp("af11") == 10);
    CHECK(parse_dscp("DF") == 0);
    CHECK(parse_dscp("0x2e") == 46);
    CHECK(parse_dscp("63") == 63);
    CHECK_FALSE(parse_dscp("64"));
    CHECK_FALSE(parse_dscp("AF44"));
    CHECK_FALSE(parse_dscp(""));
}

TEST_CASE("ranges") {
    CHECK(parse_range("1M:") == Range{1'000'000, ~0ULL, false});
    CHECK(parse_range(":20k") == Range{0, 20'000, false});
    CHECK(parse_range("10k:1.5M") == Range{10'000, 1'500'000, false});
    CHECK(parse_range("! 10000:20000") == Range{10'000, 20'000, true});
    CHECK(parse_range("5G:100G") == Range{5'000'000'000, 100'000'000'000, false});
    for (const char *bad : {"", ":", "5", "2:1", "x:", "1kk:", "1.:2", "99999999999999999999:"})
        CHECK_FALSE(parse_range(bad));
    CHECK(parse_prefix("192.0.2.1")->bits == 128);
    for (const char *bad : {"192.0.2.1/24", "192.0.2.0/33", "x", "2001:db8::1/64", "192.0.2.0/"})
        CHECK_FALSE(parse_prefix(bad));
}

TEST_CASE("the rate is that of a floating-point estimator, from 1 B/s to 100 GB/s") {
    const double wanted = GENERATE(1.0, 10.0, 1e3, 1e5, 1e7, 1e9, 1e11);
    const std::uint32_t second = GENERATE(100U, 250U, 1000U);
    std::mt19937_64 random(7);
    l7_flow flow{};
    __u64 &bytes = flow.bytes[0];
    double reference = 0, waiting = 0;
    std::uint64_t counted = 0;
    std::uint32_t last = 0;

    // A minute of packets in a third of the ticks, at this rate in the mean.
    for (std::uint32_t now = 1; now < 60 * second; now++) {
        waiting += wanted / second;
        if ((wanted < 1e10 && random() % 3 != 0) || waiting < 1)
            continue;
        l7_rate_update(&flow, 0, now, second);
        if (last)
            reference = (reference * 3 * second + static_cast<double>(bytes - counted) * second) /
                        (3.0 * second + (now - last));
        counted = bytes;
        last = now;
        const auto sent = static_cast<std::uint64_t>(waiting);
        waiting -= static_cast<double>(sent);
        bytes += sent;
    }
    reference = (reference * 3 * second + static_cast<double>(bytes - counted) * second) /
                (3.0 * second + (60 * second - last));
    const std::uint64_t read = l7_rate_read(&flow, 0, 60 * second, second);
    INFO(wanted << " B/s is read as " << read << ", " << reference << " in floating point, at "
                << second << " ticks a second");
    CHECK(std::abs(static_cast<double>(read) - reference) <= 0.51 + reference * 0.002);
    CHECK(std::abs(reference - wanted) <= wanted * 0.3);
}

TEST_CASE("a rate decays when it is read, and never divides by zero") {
    l7_flow flow{};
    flow.seen[0] = 1000;
    flow.bytes[0] = 3'000'000;
    l7_rate_update(&flow, 0, 2000, 1000);
    const std::uint64_t first = l7_rate_read(&flow, 0, 2000, 1000);
    CHECK(first > 700'000);
    CHECK(l7_rate_read(&flow, 0, 32'000, 1000) < first / 10);
    CHECK(l7_rate_read(&flow, 0, 2'000'000'000, 1000) < 10);
    CHECK(l7_rate_next(~0ULL, ~0ULL, 1, 1000) > 0); // saturates
    CHECK(l7_rate_next(0, 0, 0, 0) == 0);
}

namespace {

/// What a flow of packets of so many bytes, `per_second` of them, is read as after half a minute;
/// it begins at `boot` ticks.
double read_as(std::uint32_t size, double per_second, std::uint32_t boot = 1,
               std::uint32_t second = 1000) {
    l7_flow flow{};
    flow.seen[0] = boot;
    double due = 0;
    for (std::uint32_t tick = 0; tick < 30 * second; tick++) {
        for (due += per_second / second; due >= 1; due -= 1) {
            l7_rate_update(&flow, 0, boot + tick, second);
            flow.bytes[0] += size;
        }
    }
    return static_cast<double>(l7_rate_read(&flow, 0, boot + 30 * second, second));
}

bool about(double got, double wanted) {
    return std::abs(got - wanted) <= wanted * 0.03;
}

} // namespace

TEST_CASE("what ipt_connrate got wrong") {
    // 32-bit tokens: 14.29 MB/s at most.
    CHECK(about(read_as(1'500, 20'000), 30e6));
    CHECK(about(read_as(65'535, 1'000'000), 65.535e9));
    // Packets below 30 bytes did not count: 1000 B/s read as 500, 12.5 kB/s as 10.6.
    CHECK(about(read_as(25, 40), 1000));
    CHECK(about(read_as(29, 431), 12'499));
    CHECK(about(read_as(1, 5), 5)); // and 10 B/s was the least
    // A packet over 64 KiB overflowed.
    CHECK(about(read_as(500'000, 100), 50e6));
    // Nothing aged an idle connection's rate.
    l7_flow idle{};
    idle.seen[0] = 1000;
    idle.bytes[0] = 3'000'000;
    l7_rate_update(&idle, 0, 2000, 1000);
    CHECK(l7_rate_read(&idle, 0, 100'000, 1000) < l7_rate_read(&idle, 0, 2000, 1000) / 30);
    // It divided by zero 297 s after boot; here nothing is special about any time, nor about the
    // clock's wrap.
    for (const std::uint32_t boot : {296'000U, 297'000U, 298'000U, 0U - 15'000U, 0U - 30'000U})
        CHECK(about(read_as(100, 100, boot), 10'000));
    // Its range parser stopped at 2^31.
    CHECK(parse_range("3000000000:")->from == 3'000'000'000);
}

TEST_CASE("a rate's range is wider for a flow that is in it") {
    l7_rule rule{};
    rule.asks = 1U << L7_AMOUNT_RATE;
    rule.ranges[L7_AMOUNT_RATE][0] = 1000;
    rule.ranges[L7_AMOUNT_RATE][1] = 2000;
    const auto holds = [&](std::uint64_t rate, bool in) {
        const __u64 amounts[L7_AMOUNTS] = {rate, 0, 0, 0};
        return l7_rule_holds(&rule, amounts, in, 10) != 0;
    };
    CHECK(holds(1500, false));
    CHECK_FALSE(holds(950, false));
    CHECK(holds(950, true));
    CHECK_FALSE(holds(899, true));
    CHECK(holds(2150, true));
    rule.outside = 1U << L7_AMOUNT_RATE;
    CHECK_FALSE(holds(1500, false));
    CHECK(holds(1950, true) == false);
    CHECK(holds(2150, true));
    CHECK_FALSE(holds(2150, false)); // not outside by enough yet
}

TEST_CASE("amounts and age") {
    l7_rule rule{};
    rule.asks = 1U << L7_AMOUNT_BYTES | 1U << L7_AMOUNT_PACKETS | 1U << L7_AMOUNT_AGE;
    for (auto &range : rule.ranges)
        range[1] = ~0ULL;
    rule.ranges[L7_AMOUNT_BYTES][0] = 10'000'000;
    rule.ranges[L7_AMOUNT_AGE][0] = 30;
    const auto holds = [&](std::uint64_t bytes, std::uint64_t age_s) {
        const __u64 amounts[L7_AMOUNTS] = {0, bytes, 1, age_s};
        return l7_rule_holds(&rule, amounts, 0, 0) != 0;
    };
    CHECK(holds(10'000'000, 30));
    CHECK_FALSE(holds(9'999'999, 30));
    CHECK_FALSE(holds(10'000'000, 29));
}
