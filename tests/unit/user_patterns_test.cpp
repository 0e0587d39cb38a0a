// SPDX-License-Identifier: GPL-2.0-or-later
// Patterns of the user's own, in l7-filter's form and in ours, and l7-filter's way of judging.
#include "capture/offline.hpp"
#include "core/flow/knowledge.hpp"
#include "support/cases.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>

using namespace l7;
using namespace l7::test;
namespace fs = std::filesystem;

namespace {

/// A directory of pattern files that goes away again.
class Patterns {
  public:
    Patterns(std::initializer_list<std::pair<const char *, std::string>> files) {
        std::string name = (fs::temp_directory_path() / "l7ctl-test-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()));
        directory_ = name;
        for (const auto &[path, text] : files) {
            fs::create_directories((directory_ / path).parent_path());
            std::ofstream(directory_ / path) << text;
        }
    }
    ~Patterns() { fs::remove_all(directory_); }
    Patterns(const Patterns &) = delete;
    Patterns &operator=(const Patterns &) = delete;

    Knowledge load(std::vector<std::string> order = {}) {
        auto out = load_knowledge({directory_}, {}, rejected, std::move(order));
        REQUIRE(out);
        usable = out->database->usable_patterns();
        return *out;
    }

    std::vector<std::string> rejected;
    std::size_t usable = 0;

  private:
    fs::path directory_;
};

struct Answer {
    std::string protocol;
    std::uint8_t reason;
    unsigned packet;
};

using Said = std::pair<unsigned, std::string>; // direction, data

Answer judged(const Knowledge &knowledge, const char *l4, std::initializer_list<Said> messages) {
    Case one;
    one.l4 = l4;
    for (const auto &[direction, text] : messages)
        one.messages.push_back({direction == 1, bytes_of(text)});
    Offline offline(knowledge);
    std::uint64_t time = 1'000'000'000;
    for (const Buffer &packet : packets_of(one))
        offline.packet(packet.data(), packet.size(), static_cast<std::uint32_t>(packet.size()),
                       time += 1'000'000, false);
    offline.finish();
    const l7_flow &flow = offline.path().flows().front().flow;
    return {knowledge.protocols->name(flow.protocol), flow.reason, flow.verdict_packet};
}

Knowledge only(Knowledge knowledge) {
    knowledge.only_patterns = true;
    return knowledge;
}

constexpr const char *kGet = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

std::string native(const std::string &name, const std::string &head, const std::string &match) {
    return "name=\"" + name + "\"\n" + head + "\n[[match]]\n" + match + "\n";
}

} // namespace

TEST_CASE("only patterns: nothing else is used") {
    Patterns files{{"protocols/foo.pat", "foo\n^foo\n"}};
    const Knowledge knowledge = only(files.load());
    CHECK(judged(knowledge, "tcp", {{0, kGet}}).protocol == "unknown");
    CHECK(judged(knowledge, "tcp", {{0, "Foo bar"}}).protocol == "foo");
    CHECK(judged(knowledge, "tcp", {{0, "Foo bar"}}).reason == L7_REASON_PATTERN);
    CHECK(judged(files.load(), "tcp", {{0, kGet}}).protocol == "http");
}

TEST_CASE("only patterns: both directions in order of arrival, without NULs, in one buffer") {
    Patterns files{{"p/foo.pat", "foo\n^ab.*cd\n"},
                   {"p/nul.pat", "nul\n^x\\x00?y\n"},
                   {"p/gap.pat", "gap\n^pq\n"}};
    const Knowledge knowledge = only(files.load());
    CHECK(judged(knowledge, "tcp", {{0, "A"}, {1, "B-C"}, {0, "D"}}).protocol == "foo");
    CHECK(judged(knowledge, "udp", {{0, "A"}, {1, "B-C"}, {0, "D"}}).protocol == "foo");
    CHECK(judged(knowledge, "tcp", {{1, "B-C"}, {0, "AD"}}).protocol == "unknown");
    Patterns zero{{"gap.pat", "gap\n^pq\n"}};
    const Knowledge two = only(zero.load());
    Case one;
    one.l4 = "udp";
    one.messages = {{false, {0, 'p', 0, 0}}, {true, {0, 'Q'}}};
    Offline offline(two);
    std::uint64_t time = 1;
    for (const Buffer &packet : packets_of(one))
        offline.packet(packet.data(), packet.size(), static_cast<std::uint32_t>(packet.size()),
                       time += 1'000'000, false);
    offline.finish();
    CHECK(two.protocols->name(offline.path().flows().front().flow.protocol) == "gap");
}

TEST_CASE("only patterns: $ is the end of what is there so far, at every packet") {
    Patterns files{{"p/foo.pat", "foo\nab$\n"}};
    const Knowledge knowledge = only(files.load());
    CHECK(judged(knowledge, "udp", {{0, "xxab"}, {1, "more"}}).protocol == "foo");
    CHECK(judged(knowledge, "udp", {{0, "xxabc"}, {1, "more"}}).protocol == "unknown");
    CHECK(judged(knowledge, "udp", {{0, "xxa"}, {1, "b"}}).packet == 2);
}

TEST_CASE("only patterns: ten packets and 2,047 bytes") {
    Patterns files{{"p/foo.pat", "foo\nend\n"}};
    const Knowledge knowledge = only(files.load());
    std::string full(2044, 'x');
    CHECK(judged(knowledge, "udp", {{0, full.substr(0, 1400)}, {0, full.substr(1400) + "end"}})
              .protocol == "foo");
    full += 'x';
    CHECK(judged(knowledge, "udp", {{0, full.substr(0, 1400)}, {0, full.substr(1400) + "end"}})
              .protocol == "unknown");
    const Said x{0, "x"};
    CHECK(judged(knowledge, "udp", {x, x, x, x, x, x, x, x, x, {1, "end"}}).protocol == "foo");
    CHECK(judged(knowledge, "udp", {x, x, x, x, x, x, x, x, x, x, {1, "end"}}).protocol ==
          "unknown");
}

TEST_CASE("only patterns: the first in order wins for good, whatever is said of its quality") {
    Patterns files{{"p/a.pat", "# Pattern attributes: poor slow overmatch\na\nx\n"},
                   {"p/b.pat", "# Pattern attributes: great fast\nb\n^xyz\n"}};
    CHECK(judged(only(files.load()), "udp", {{0, "xyz"}}).protocol == "a");
    CHECK(judged(only(files.load({"b", "a"})), "udp", {{0, "xyz"}}).protocol == "b");
    // At the packet at which it matched, though another would match at the next.
    CHECK(judged(only(files.load({"b", "a"})), "udp", {{0, "x"}, {0, "yz"}}).protocol == "a");
    // Beside everything else, certainty counts.
    CHECK(judged(files.load(), "udp", {{0, "xyz"}}).protocol == "b");
}

TEST_CASE("files for the states are no patterns") {
    Patterns files{{"p/unknown.pat", "unknown\n.\n"},
                   {"p/unset.pat", "unset\n.\n"},
                   {"p/foo.pat", "foo\n^foo\n"}};
    const Knowledge knowledge = only(files.load());
    CHECK(files.rejected.empty());
    CHECK(files.usable == 3);
    CHECK(judged(knowledge, "udp", {{0, "x"}}).reason != L7_REASON_PATTERN);
}

TEST_CASE("the user-space version's lines are read") {
    Patterns files{{"p/foo.pat", "foo\nkernel\nuserspace pattern=^USER {2}\n"
                                 "userspace flags=REG_EXTENDED REG_NOSUB\n"},
                   {"p/bar.pat", "bar\n(ab)\\\\1\nuserspace pattern=^(ab|cd)\\1\n"},
                   {"p/bad.pat", "bad\nx\nuserspace flags=REG_ODD\n"},
                   {"p/worse.pat", "worse\nx\nuserspace pattern=a(b\n"}};
    const Knowledge knowledge = only(files.load());
    CHECK(judged(knowledge, "udp", {{0, "USER  x"}}).protocol == "foo");
    CHECK(judged(knowledge, "udp", {{0, "user  x"}}).protocol == "unknown"); // no REG_ICASE
    CHECK(judged(knowledge, "udp", {{0, "kernel"}}).protocol == "unknown");
    CHECK(judged(knowledge, "udp", {{0, "CDcd"}}).protocol == "bar"); // PCRE2 had the last word
    CHECK(judged(knowledge, "udp", {{0, "cdab"}}).protocol == "unknown");
    REQUIRE(files.rejected.size() == 2);
    CHECK(files.rejected[0].find("bad.pat:3: 'REG_ODD'") != std::string::npos);
    CHECK(files.rejected[1].find("worse.pat:3: column ") != std::string::npos);
}

TEST_CASE("what Hyperscan refuses is asked of PCRE2, or refused with file and line") {
    Patterns files{{"look.toml", native("look", "", "l4=\"udp\"\neither='^a(?!b)..c'")},
                   {"again.toml", native("again", "", "l4=\"tcp\"\nclient='^(.)\\1\\1x'")},
                   {"odd.toml", native("odd", "", "l4=\"udp\"\neither='a(*ODD)'")}};
    const Knowledge knowledge = files.load();
    CHECK(judged(knowledge, "udp", {{0, "axyc"}}).protocol == "look");
    CHECK(judged(knowledge, "udp", {{0, "abyc"}}).protocol == "unknown");
    CHECK(judged(knowledge, "tcp", {{0, "zzzx"}}).protocol == "again");
    CHECK(judged(knowledge, "tcp", {{0, "zyzx"}}).protocol == "unknown");
    REQUIRE(files.rejected.size() == 1);
    CHECK(files.rejected[0].find("odd.toml:5: ") != std::string::npos);
    CHECK(files.usable == 2);
}

TEST_CASE("a pattern that supersedes wins over a proof and over better patterns") {
    Patterns files{
        {"mine.toml", native("mine", "quality=\"ok\"\nsupersedes=[\"dns\", \"great\"]",
                             "l4=\"udp\"\neither='shop'")},
        {"great.toml", native("great", "quality=\"great\"", "l4=\"udp\"\neither='^great shop'")},
        {"lost.toml", native("lost", "supersedes=[\"nobody\"]", "l4=\"udp\"\neither='^lost'")}};
    const Knowledge knowledge = files.load();
    const Buffer query = {0,   1,   1,   0,   0, 1,   0,   0,   0, 0, 0, 0, 4,
                          's', 'h', 'o', 'p', 3, 'n', 'e', 't', 0, 0, 1, 0, 1};
    Case one;
    one.l4 = "udp";
    one.messages = {{false, query}};
    Offline offline(knowledge);
    for (const Buffer &packet : packets_of(one))
        offline.packet(packet.data(), packet.size(), static_cast<std::uint32_t>(packet.size()), 1,
                       false);
    offline.finish();
    CHECK(knowledge.protocols->name(offline.path().flows().front().flow.protocol) == "mine");
    CHECK(judged(knowledge, "udp", {{0, "great shop"}}).protocol == "mine");
    REQUIRE(files.rejected.size() == 1);
    CHECK(files.rejected[0].find("supersedes 'nobody'") != std::string::npos);
}

TEST_CASE("patterns come before or after ours") {
    Patterns files{
        {"a.toml", native("a", "order=\"after\"\nquality=\"great\"", "l4=\"udp\"\neither='^xyz'")},
        {"b.toml", native("b", "order=\"before\"", "l4=\"udp\"\neither='^x'")},
        {"old/c.pat", "# Order: before\nc\n^q\n"},
        {"old/d.pat", "d\n^qr\n"}};
    const Knowledge knowledge = files.load();
    CHECK(judged(knowledge, "udp", {{0, "xyz"}}).protocol == "b");
    CHECK(judged(knowledge, "udp", {{0, "qr"}}).protocol == "c");
    CHECK(files.rejected.empty());
}
