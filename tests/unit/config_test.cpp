// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/protocols.hpp"
#include "core/policy/config.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

using namespace l7;

TEST_CASE("an empty configuration is the default one") {
    const auto config = parse_config("", "x.toml");
    REQUIRE(config);
    CHECK(config->packets == 10);
    CHECK(config->bytes == 4096);
    CHECK(config->rules.empty());
}

TEST_CASE("where metrics are served") {
    CHECK(parse_config("", "x")->metrics.listen == "127.0.0.1:9817");
    CHECK(parse_config("[metrics]\nlisten = \"off\"", "x")->metrics.listen.empty());
    const auto config =
        parse_config("[metrics]\nlisten = \"[::1]:80\"\nhosts = [\"a\"]\nprotocols = 9", "x");
    REQUIRE(config);
    CHECK(config->metrics.listen == "[::1]:80");
    CHECK(config->metrics.hosts == std::vector<std::string>{"a"});
    CHECK(config->metrics.protocols == 9);
    for (const char *bad : {"", "9817", "localhost:80", "::1:80", "127.0.0.1:0", "127.0.0.1:65536",
                            "127.0.0.1:80s", "127.0.0.1:", "[127.0.0.1]:80", "127.0.0.1:80,90"})
        CHECK_FALSE(parse_config("[metrics]\nlisten = \"" + std::string(bad) + "\"", "x"));
}

TEST_CASE("whether connections picked up in the middle are judged") {
    CHECK(parse_config("", "x")->tcp_loose);
    CHECK_FALSE(parse_config("[tcp]\nloose = false", "x")->tcp_loose);
    CHECK_FALSE(parse_config("[tcp]\nloose = 0", "x"));
    CHECK_FALSE(parse_config("[tcp]\nstrict = true", "x"));
}

TEST_CASE("a whole configuration is read") {
    const auto config = parse_config(R"(
[daemon]
workers = 2
attach = "clsact"
[mark]
mask = 0xff
[limits]
packets = 5
bytes = 1024
[timeouts]
icmp = 7
[[device]]
name = "eth0"
hooks = "egress"
position = "head"
[[rule]]
protocol = ["ssh", "dns"]
mark = 0x10
classid = "1:1a"
[[rule]]
group = "p2p"
classid = "1:30"
[[rule]]
unknown = true
unset = true
mark = 1
[[rule]]
mark = 2
)",
                                     "x.toml");
    REQUIRE(config);
    CHECK(config->workers == 2);
    CHECK(config->attach == AttachWay::Clsact);
    CHECK(config->timeouts.icmp == 7);
    REQUIRE(config->devices.size() == 1);
    CHECK_FALSE(config->devices[0].ingress);
    CHECK(config->devices[0].head);
    REQUIRE(config->rules.size() == 4);
    CHECK(config->rules[0].classid == 0x1001aU);
    CHECK(config->rules[3].everything);
}

TEST_CASE("errors name file, line, column and the text") {
    struct Bad {
        const char *text;
        const char *where;
        const char *what;
    };
    const auto bad = GENERATE(
        Bad{"[mark]\nmask = \"x\"\n", "x.toml:2:8:", "whole number"},
        Bad{"[mark]\nmask = 0x100000000\n", "x.toml:2:8:", "whole number"},
        Bad{"[nonsense]\n", "x.toml:1:2:", "no key"}, Bad{"a = \n", "x.toml:1:", ""},
        Bad{"[[rule]]\nprotocol = \"ssh\"\n", "x.toml:1:", "class, classid, mark or set_dscp"},
        Bad{"[[rule]]\nclassid = \"10\"\n", "x.toml:2:11:", "MAJ:MIN"},
        Bad{"[[rule]]\nclassid = \"1:0\"\n", "x.toml:2:11:", "MAJ:MIN"},
        Bad{"[[rule]]\nmark = 1\nprotocl = \"x\"\n", "x.toml:3:1:", "no key of a rule"},
        Bad{"[[rule]]\nmark = 0x10000\n", "x.toml:2:8:", "outside"},
        Bad{"[limits]\nring_bytes = 100000\n", "x.toml:2:14:", "power of two"},
        Bad{"[limits]\nbytes = 5000\n", "x.toml:2:9:", "4096"},
        Bad{"rule = 3\n", "x.toml:1:8:", "[[rule]]"},
        Bad{"[[device]]\nhooks = \"both\"\n", "x.toml:1:", "name"},
        Bad{"[daemon]\nattach = \"xdp\"\n", "x.toml:2:10:", "auto"});
    const auto config = parse_config(bad.text, "x.toml");
    REQUIRE_FALSE(config);
    INFO(config.error().message);
    CHECK(config.error().message.find(bad.where) != std::string::npos);
    CHECK(config.error().message.find(bad.what) != std::string::npos);
}

TEST_CASE("several errors are told at once") {
    const auto config = parse_config("[mark]\nmask = -1\n[limits]\npackets = 0\n", "x.toml");
    REQUIRE_FALSE(config);
    CHECK(config.error().message.find(":2:") != std::string::npos);
    CHECK(config.error().message.find(":4:") != std::string::npos);
}

TEST_CASE("a file that is not there") {
    CHECK(load_config("/nonexistent/l7ctl.toml", false));
    CHECK_FALSE(load_config("/nonexistent/l7ctl.toml", true));
}

TEST_CASE("protocol numbers are stable") {
    Protocols protocols;
    const auto first = protocols.number("a");
    CHECK(protocols.number("b") == first + 1);
    CHECK(protocols.number("a") == first);
    CHECK(protocols.find("c") == L7_UNSET);
    CHECK(protocols.restore(100, "c"));
    CHECK_FALSE(protocols.restore(100, "d"));
    CHECK_FALSE(protocols.restore(101, "c"));
    CHECK_FALSE(protocols.restore(3, "e"));
    CHECK(protocols.number("f") == 101);
    for (int i = 0; i < 600; i++)
        protocols.number("p" + std::to_string(i));
    CHECK(protocols.number("one-too-many") == L7_UNSET);
    CHECK(protocols.name(5000) == "?");
}

namespace {

std::string text_of(const std::string &file) {
    std::ifstream in(L7_SOURCE_DIR "/" + file);
    REQUIRE(in);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

/// `[section] key` of all tables that are no lists, comment signs before keys being ignored.
std::set<std::string> keys_of(const std::string &toml) {
    static const std::regex kLine(R"(^#?(\[\[?[a-z]+\]\]?|[a-z_]+(?= = )).*)");
    std::set<std::string> out;
    std::istringstream in(toml);
    std::string section;
    for (std::string line; std::getline(in, line);) {
        std::smatch found;
        if (!std::regex_match(line, found, kLine))
            continue;
        const std::string word = found[1];
        if (word.starts_with('['))
            section = word;
        else if (!section.starts_with("[["))
            out.insert(section + " " + word);
    }
    return out;
}

} // namespace

TEST_CASE("the configuration that is installed says what the defaults are") {
    const std::string installed = text_of("share/l7ctl.toml");
    const auto as_it_is = parse_config(installed, "share/l7ctl.toml");
    REQUIRE(as_it_is);
    CHECK(as_it_is->rules.empty());
    CHECK(as_it_is->devices.empty());
    CHECK_FALSE(as_it_is->exporting.wanted());

    const auto set = parse_config(
        std::regex_replace(installed, std::regex("(^|\n)#(?=[a-z\\[])"), "$1"), "share/l7ctl.toml");
    REQUIRE(set);
    const Config defaults;
    CHECK(set->workers == defaults.workers);
    CHECK(set->attach == defaults.attach);
    CHECK(set->mark_mask == defaults.mark_mask);
    CHECK(set->packets == defaults.packets);
    CHECK(set->bytes == defaults.bytes);
    CHECK(set->flows == defaults.flows);
    CHECK(set->newcomers == defaults.newcomers);
    CHECK(set->ring_bytes == defaults.ring_bytes);
    CHECK(set->undecided == defaults.undecided);
    CHECK(set->remember_servers == defaults.remember_servers);
    CHECK(set->dns_hints == defaults.dns_hints);
    CHECK(set->tcp_loose == defaults.tcp_loose);
    CHECK(set->tunnels == defaults.tunnels);
    CHECK(set->metrics == defaults.metrics);
    CHECK(set->conntrack.mark == defaults.conntrack.mark);
    CHECK(set->hysteresis == defaults.hysteresis);
    CHECK(set->timeouts.tcp_established == defaults.timeouts.tcp_established);
    CHECK(set->timeouts.tcp_opening == defaults.timeouts.tcp_opening);
    CHECK(set->timeouts.tcp_closed == defaults.timeouts.tcp_closed);
    CHECK(set->timeouts.udp_replied == defaults.timeouts.udp_replied);
    CHECK(set->timeouts.udp_unreplied == defaults.timeouts.udp_unreplied);
    CHECK(set->timeouts.icmp == defaults.timeouts.icmp);
    CHECK(set->timeouts.other == defaults.timeouts.other);
    ExportConfig exporting = set->exporting; // where to is an example
    exporting.json.clear();
    exporting.ipfix.reset();
    CHECK(exporting == defaults.exporting);
    CHECK(set->devices.size() == 1);
    CHECK(set->rules.size() == 1);
}

TEST_CASE("manual and installed configuration have the same keys") {
    const std::string manual = text_of("docs/l7ctl.toml.5.md");
    const std::size_t start = manual.find("```toml\n");
    const auto described = keys_of(manual.substr(start, manual.find("\n```", start) - start));
    CHECK(described.size() > 30);
    CHECK(described == keys_of(text_of("share/l7ctl.toml")));
}
