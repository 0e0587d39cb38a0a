// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/applications.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace l7;
namespace fs = std::filesystem;

namespace {

/// A directory of patterns with one list, which goes with it.
class Lists {
  public:
    explicit Lists(const std::string &text) {
        static unsigned number = 0;
        path_ = fs::temp_directory_path() /
                ("l7apps-" + std::to_string(getpid()) + "-" + std::to_string(number++));
        fs::create_directories(path_ / "applications");
        std::ofstream(path_ / "applications/list.toml") << text;
    }
    ~Lists() { fs::remove_all(path_); }
    Lists(const Lists &) = delete;
    Lists &operator=(const Lists &) = delete;

    const fs::path &path() const { return path_; }

  private:
    fs::path path_;
};

struct Loaded {
    NameNumbers numbers{1, 4096};
    Applications applications;
    std::vector<std::string> rejected;

    explicit Loaded(const std::vector<fs::path> &directories) {
        applications.load(directories, numbers, rejected);
    }
    std::string of(std::string_view host) const {
        const std::uint16_t number = applications.find(host);
        return number ? numbers.name(number) : "-";
    }
};

constexpr const char *kVideo = R"(
[[application]]
name = "tube"
title = "Tube"
groups = ["video", "social"]
domains = ["tube.example", "cdn.other.example"]
[[application]]
name = "other"
groups = ["cloud"]
domains = ["other.example"]
exact = ["www.exact.example"]
)";

} // namespace

TEST_CASE("the longest domain that ends a host's name has it") {
    const Lists lists(kVideo);
    const Loaded loaded({lists.path()});
    REQUIRE(loaded.rejected.empty());
    CHECK(loaded.of("tube.example") == "tube");
    CHECK(loaded.of("www.Tube.Example") == "tube");
    CHECK(loaded.of("a.b.tube.example.") == "tube");
    CHECK(loaded.of("tube.example:8443") == "tube");
    CHECK(loaded.of("notmytube.example") == "-"); // not at a dot
    CHECK(loaded.of("cdn.other.example") == "tube");
    CHECK(loaded.of("x.cdn.other.example") == "tube");
    CHECK(loaded.of("img.other.example") == "other");
    CHECK(loaded.of("www.exact.example") == "other");
    CHECK(loaded.of("a.www.exact.example") == "-");
    CHECK(loaded.of("example") == "-");
    CHECK(loaded.of("") == "-");
    CHECK(loaded.of(".") == "-");
    CHECK(loaded.of("192.0.2.1") == "-");
    CHECK(loaded.of("2001:db8::1") == "-");
    CHECK(loaded.of(std::string(400, 'a') + ".tube.example") == "-");
    const auto &all = loaded.applications.all();
    REQUIRE(all.size() == 2);
    CHECK(all[0].groups == std::vector<std::string>{"video", "social"});
    CHECK(all[0].domains == 2);
}

TEST_CASE("a user's list comes before ours and may extend it") {
    const Lists ours(kVideo);
    const Lists users("[[application]]\nname = \"mine\"\ndomains = [\"cdn.other.example\"]\n"
                      "[[application]]\nname = \"tube\"\ndomains = [\"more.example\"]\n");
    const Loaded loaded({users.path(), ours.path()});
    REQUIRE(loaded.rejected.empty());
    CHECK(loaded.of("cdn.other.example") == "mine");
    CHECK(loaded.of("more.example") == "tube");
    CHECK(loaded.of("tube.example") == "tube");
}

TEST_CASE("errors of lists name their line; the rest is used") {
    const Lists lists("[[application]]\nname = \"good\"\ndomains = [\"good.example\"]\n"
                      "[[application]]\nname = \"Bad Name\"\ndomains = [\"bad.example\"]\n"
                      "[[application]]\nname = \"twice\"\ndomains = [\"good.example\", "
                      "\"UPPER.example\", \"com.\"]\n"
                      "colour = 1\n");
    const Loaded loaded({lists.path()});
    REQUIRE(loaded.rejected.size() == 5);
    const std::string file = (lists.path() / "applications/list.toml").string();
    CHECK(std::ranges::count_if(loaded.rejected, [&](const std::string &line) {
              return line.starts_with(file + ":4: a name is");
          }) == 1);
    CHECK(std::ranges::count_if(loaded.rejected, [&](const std::string &line) {
              return line.starts_with(file + ":9: 'good.example' stands twice");
          }) == 1);
    CHECK(loaded.of("good.example") == "good");
    CHECK(loaded.of("bad.example") == "-");
    const Lists broken("[[application\n");
    CHECK(Loaded({broken.path()}).rejected.size() == 1);
}

TEST_CASE("an application may own a protocol, certificates and a top-level domain") {
    const Lists lists("[[application]]\nname = \"relay\"\nprotocols = [\"relayed\", \"nobody\"]\n"
                      "certificates = [\"Example Relay\"]\ndomains = [\"brand\"]\n");
    Loaded loaded({lists.path()});
    Protocols protocols;
    const std::uint16_t relayed = protocols.number("relayed");
    loaded.applications.bind(protocols);
    CHECK(loaded.rejected.empty());
    CHECK(loaded.applications.of_protocol(relayed) == loaded.numbers.find("relay"));
    CHECK(loaded.applications.of_protocol(L7_UNKNOWN) == 0);
    CHECK(loaded.applications.find_certificate("Example Relay") != 0);
    CHECK(loaded.applications.find_certificate("example") == 0);
    CHECK(loaded.of("a.brand") == "relay");
    CHECK(loaded.of("brand.example") == "-");
}

TEST_CASE("our own lists are whole") {
    const Loaded loaded({L7_SOURCE_DIR "/patterns"});
    for (const std::string &line : loaded.rejected)
        UNSCOPED_INFO(line);
    CHECK(loaded.rejected.empty());
    CHECK(loaded.applications.all().size() >= 250);
    for (const Application &one : loaded.applications.all()) {
        INFO(one.name);
        CHECK_FALSE(one.title.empty());
        CHECK_FALSE(one.groups.empty());
        CHECK(one.domains > 0);
    }
    CHECK(loaded.of("rr4---sn-4g5e6nz7.googlevideo.com") == "youtube");
    CHECK(loaded.of("mail.google.com") == "gmail");
    CHECK(loaded.of("www.google.com") == "google");
}
