// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/library.hpp"
#include "core/match/native_file.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace l7;

TEST_CASE("a native pattern") {
    const auto pattern = parse_native_pattern(R"(
name = "x"
title = "X"
groups = ["a", "b"]
quality = "ok"
ports = [1, 65535]
[[match]]
l4 = ["tcp", "udp"]
client = '^a'
server = { re = '^b', where = "size > 3", times = 3 }
[[match]]
l4 = "sctp"
quality = "great"
midstream = true
either = 'c'
)",
                                              "x.toml", "x");
    REQUIRE(pattern);
    REQUIRE(pattern->matches.size() == 2);
    CHECK(pattern->matches[0].transports == 3);
    CHECK(pattern->matches[0].quality == Quality::Ok);
    CHECK(pattern->matches[0].server->times == 3);
    CHECK_FALSE(pattern->matches[0].server->where.empty());
    CHECK(pattern->matches[1].midstream);
    CHECK(pattern->matches[1].quality == Quality::Great);
}

TEST_CASE("errors of native patterns name their line") {
    struct Bad {
        const char *text;
        const char *where;
    };
    const auto bad = GENERATE(
        Bad{"name = \"y\"\n[[match]]\nl4=\"tcp\"\neither='a'\n", "x.toml:1:"},
        Bad{"name = \"x\"\n", "x.toml:1:"},
        Bad{"name = \"x\"\n[[match]]\nl4=\"ip\"\neither='a'\n", "x.toml:3:"},
        Bad{"name = \"x\"\n[[match]]\nl4=\"tcp\"\n", "x.toml:2:"},
        Bad{"name = \"x\"\n[[match]]\nl4=\"tcp\"\neither={re='a', where='('}\n", "x.toml:4:"},
        Bad{"name = \"x\"\n[[match]]\nl4=\"tcp\"\neither={re='a', times=0}\n", "x.toml:4:"},
        Bad{"name = \"x\"\nports=[0]\n[[match]]\nl4=\"tcp\"\neither='a'\n", "x.toml:2:"},
        Bad{"name = \"x\"\nquality=\"superb\"\n[[match]]\nl4=\"tcp\"\neither='a'\n", "x.toml:2:"},
        Bad{"name = \"x\"\nmatch = 3\n", "x.toml:2:"}, Bad{"name = \n", "x.toml:1:"},
        Bad{"name = \"x\"\ngroups=\"g\"\n[[match]]\nl4=\"tcp\"\neither='a'\nport=1\n",
            "x.toml:6:"});
    const auto pattern = parse_native_pattern(bad.text, "x.toml", "x");
    REQUIRE_FALSE(pattern);
    INFO(pattern.error().message);
    CHECK(pattern.error().message.find(bad.where) != std::string::npos);
}

TEST_CASE("a directory that is not there is an error") {
    CHECK_FALSE(load_patterns({"/nonexistent"}));
}
