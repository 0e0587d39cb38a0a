// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"
#include "cli/grammar.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

using namespace l7;

namespace {

/// The heads of the definitions in a section of the manual; one may name several commands.
std::vector<std::string> heads(const std::string &section) {
    std::ifstream manual(L7_SOURCE_DIR "/docs/l7ctl.8.md");
    std::vector<std::string> out;
    bool inside = false;
    for (std::string line, before; std::getline(manual, line); before = line) {
        if (line.starts_with("# "))
            inside = line == "# " + section;
        else if (inside && line.starts_with(":   "))
            for (std::size_t at = 0; at < before.size();) {
                const std::size_t end = std::min(before.find(", **", at), before.size());
                out.push_back(before.substr(at, end - at));
                at = end + 2;
            }
    }
    return out;
}

std::string manual_line_after(const std::string &line) {
    std::ifstream manual(L7_SOURCE_DIR "/docs/l7ctl.8.md");
    std::string out;
    while (std::getline(manual, out) && out != line) {
    }
    std::getline(manual, out);
    std::getline(manual, out);
    return out;
}

/// What a request makes of words: as JSON, or why it does not.
template <class Request>
std::string read(const std::vector<std::string> &words) {
    Request request;
    const auto done = read_words(Request::kText, request.fields(), words);
    return done ? encode(Request::kText, request.fields(), {})
                : done.error().message + "; " + done.error().hint;
}

} // namespace

TEST_CASE("the manual has every command as it is typed") {
    auto want = manual_synopses();
    CHECK(manual_line_after("# SYNOPSIS") == want.front());
    want.erase(want.begin());
    const auto has = heads("COMMANDS");
    const std::set<std::string> typed(want.begin(), want.end()), described(has.begin(), has.end());
    for (const std::string &one : typed)
        CHECK(described.contains(one));
    for (const std::string &one : described) {
        INFO(one);
        CHECK(typed.contains(one));
    }
}

TEST_CASE("words become the fields of a request") {
    CHECK(read<request::Attach>({"dev", "eth0"}) ==
          R"({"command":"attach","dev":"eth0","hooks":"both","json":false,"position":"tail",)"
          R"("xdp":false})");
    CHECK(read<request::Attach>({"xdp", "head", "ingress", "dev", "eth0"}) ==
          R"({"command":"attach","dev":"eth0","hooks":"ingress","json":false,"position":"head",)"
          R"("xdp":true})");
    CHECK(read<request::Stats>({"by", "class", "dev", "eth0"}) ==
          R"({"by":"class","command":"stats","dev":"eth0","json":false})");
    CHECK(read<request::Bypass>({"on"}) == R"({"command":"bypass","json":false,"on":true})");
    CHECK(read<request::Bypass>({"off"}) == R"({"command":"bypass","json":false,"on":false})");
    CHECK(read<request::Explain>({"dev", "by"}) ==
          R"({"command":"explain","filter":["dev","by"],"json":false})");
}

TEST_CASE("words that a request does not understand") {
    const std::string attach = "attach dev DEV [ingress|egress|both] [head|tail] [xdp]";
    const std::string stats = "stats [dev DEV] [by protocol|application|class|rule]";
    CHECK(read<request::Attach>({}) == "attach: no device is named; " + attach);
    CHECK(read<request::Attach>({"up", "dev", "eth0", "down"}) ==
          "attach: 'up' is not understood; " + attach);
    CHECK(read<request::Attach>({"up", "dev"}) == "attach: dev needs the name of a device; ");
    CHECK(read<request::Stats>({"by", "name"}) == "stats: 'by' is not understood; " + stats);
    CHECK(read<request::Stats>({"class"}) == "stats: 'class' is not understood; " + stats);
    CHECK(read<request::Detach>({"dev", "eth0", "now"}) ==
          "detach: a device must be named, and nothing else; detach dev DEV");
    CHECK(read<request::Status>({"now"}) == "status: 'now' is not understood; status ");
}

TEST_CASE("a request is read back as it was written") {
    request::Flows sent{{"port", "22"}, 7}, got;
    const std::string line = encode(sent.kText, sent.fields(), {true, 5, 3});
    CHECK(line == R"({"body":3,"command":"flows","filter":["port","22"],"idle_at_most":7,)"
                  R"("json":true,"netns":5})");
    decode(nlohmann::json::parse(line), got.kText, got.fields());
    CHECK(got.filter == sent.filter);
    CHECK(got.idle_at_most == 7);
    // What is not said stays as it is, where that is not the whole of the request.
    request::Attach attach;
    decode({{"command", "attach"}, {"dev", "eth0"}}, attach.kText, attach.fields());
    CHECK(attach.dev == "eth0");
    CHECK(attach.hooks == "both");
    request::Bypass bypass;
    CHECK_THROWS(decode({{"command", "bypass"}}, bypass.kText, bypass.fields()));
    CHECK_THROWS(decode({{"on", "yes"}}, bypass.kText, bypass.fields()));
}
