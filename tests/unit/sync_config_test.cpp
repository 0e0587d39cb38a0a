// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/config.hpp"
#include "metrics/families.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace l7;
using Catch::Matchers::ContainsSubstring;

namespace {

SyncConfig read(const std::string &text) {
    const auto config = parse_config("[sync]\n" + text, "x.toml");
    REQUIRE(config);
    return config->sync;
}

std::string refusal(const std::string &text) {
    const auto config = parse_config("[sync]\n" + text, "x.toml");
    REQUIRE_FALSE(config);
    return config.error().message;
}

} // namespace

TEST_CASE("without [sync] nothing is replicated") {
    const auto config = parse_config("", "x.toml");
    REQUIRE(config);
    CHECK_FALSE(config->sync.wanted());
}

TEST_CASE("[sync] is read") {
    const SyncConfig least = read("node = \"a\"");
    CHECK(least.wanted());
    CHECK(to_text(least.redis) == "127.0.0.1:6379");
    CHECK(least.expectations);
    CHECK(least.memory_bytes == 64U << 20);

    const SyncConfig all = read(R"(
node = "a-1.x_y"
redis = "/run/redis/redis.sock"
peers = [{ name = "b", redis = "192.0.2.2:6380", user = "r", password_file = "/r" },
         { name = "c", redis = "[2001:db8::3]:6379" }]
user = "l7ctl"
password_file = "/etc/password"
tls = true
ca = "/ca.pem"
cert = "/c.pem"
key = "/k.pem"
direct = true
expectations = ["ftp", "sip"]
endpoints = true
hints = true
memory_bytes = 1048576
)");
    CHECK(all.redis.path == "/run/redis/redis.sock");
    REQUIRE(all.peers.size() == 2);
    CHECK(all.peers[0].redis.port == 6380);
    CHECK(all.peers[0].user == "r");
    CHECK(all.peers[1].user.empty());
    CHECK(to_text(all.peers[1].redis) == "[2001:db8::3]:6379");
    CHECK(all.parents == std::vector<std::string>{"ftp", "sip"});
    CHECK((all.tls && all.direct && all.endpoints && all.hints && all.expectations));
    CHECK(all.memory_bytes == 1048576);
    CHECK_FALSE(read("node = \"a\"\nexpectations = false").expectations);
    CHECK_FALSE(read("node = \"a\"\nexpectations = []").expectations);
}

TEST_CASE("what is wrong in [sync] is told with its line") {
    CHECK_THAT(refusal(""), ContainsSubstring("x.toml:1:1: node is missing"));
    CHECK_THAT(refusal("node = \"a b\""), ContainsSubstring("x.toml:2:8: a node's name"));
    CHECK_THAT(refusal("node = \"{a}\""), ContainsSubstring("a node's name"));
    CHECK_THAT(refusal("node = \"a\"\nredis = \"localhost:6379\""),
               ContainsSubstring("not a name"));
    CHECK_THAT(refusal("node = \"a\"\nredis = \"192.0.2.1:0\""), ContainsSubstring("not a name"));
    CHECK_THAT(refusal("node = \"a\"\nredis = 6379"), ContainsSubstring("not a name"));
    CHECK_THAT(refusal("node = \"a\"\nport = 1"), ContainsSubstring("'port' is no key of [sync]"));
    CHECK_THAT(refusal("node = \"a\"\npeers = \"b\""), ContainsSubstring("peers is a list"));
    CHECK_THAT(refusal("node = \"a\"\npeers = [\"b\"]"), ContainsSubstring("peers is a list"));
    CHECK_THAT(refusal("node = \"a\"\npeers = [{ name = \"b\" }]"), ContainsSubstring("redis is"));
    CHECK_THAT(refusal("node = \"a\"\npeers = [{ redis = \"192.0.2.2\" }]"),
               ContainsSubstring("name is missing"));
    CHECK_THAT(refusal("node = \"a\"\npeers = [{ name = \"a\", redis = \"192.0.2.2\" }]"),
               ContainsSubstring("no peer of its own"));
    CHECK_THAT(refusal("node = \"a\"\npeers = [{ name = \"b\", redis = \"192.0.2.2\" }, "
                       "{ name = \"b\", redis = \"192.0.2.3\" }]"),
               ContainsSubstring("same name"));
    CHECK_THAT(refusal("node = \"a\"\ntls = true"), ContainsSubstring("tls needs ca"));
    CHECK_THAT(refusal("node = \"a\"\nca = \"/x\""), ContainsSubstring("without tls"));
    CHECK_THAT(refusal("node = \"a\"\ntls = true\nca = \"/x\"\ncert = \"/y\""),
               ContainsSubstring("go together"));
    CHECK_THAT(refusal("node = \"a\"\nuser = \"x\""), ContainsSubstring("password_file"));
    CHECK_THAT(refusal("node = \"a\"\nexpectations = 3"), ContainsSubstring("a list of protocols"));
    CHECK_THAT(refusal("node = \"a\"\nmemory_bytes = 5"), ContainsSubstring("memory_bytes"));
    CHECK_THAT(refusal("node = \"a\"\npassword_file = \"x\""), ContainsSubstring("from /"));
}

TEST_CASE("no more than 16 peers") {
    std::string text = "node = \"a\"\npeers = [";
    for (int i = 0; i <= 16; i++)
        text += "{ name = \"p" + std::to_string(i) + "\", redis = \"192.0.2.9\" },";
    CHECK_THAT(refusal(text + "]"), ContainsSubstring("16 peers"));
}

TEST_CASE("addresses of Redis") {
    for (const char *good : {"192.0.2.1", "192.0.2.1:1", "[2001:db8::1]", "[::1]:65535", "/x"})
        CHECK(parse_redis_address(good));
    for (const char *bad : {"", "x", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:1x", "[::1", "::1",
                            "[::1]1", "redis.example:6379", "192.0.2"})
        CHECK_FALSE(parse_redis_address(bad));
    CHECK_FALSE(parse_redis_address("/" + std::string(107, 'x')));
}

TEST_CASE("replication in metrics") {
    MetricsSnapshot snapshot;
    SyncReport &sync = snapshot.status.sync.emplace();
    sync.own.up = true;
    sync.outbox.dropped = 3;
    SubscriberReport &peer = sync.peers.emplace_back();
    peer.peer = "b";
    peer.state = PeerState::Up;
    peer.lag_ms = 500;
    peer.lost = 2;
    peer.cache.flows = 7;
    const std::string text = exposition(metric_families(snapshot, {}, {}));
    CHECK_THAT(text, ContainsSubstring("l7ctl_sync_up 1\n"));
    CHECK_THAT(text, ContainsSubstring("l7ctl_sync_peer_lag_seconds{peer=\"b\"} 0.5\n"));
    CHECK_THAT(text, ContainsSubstring("l7ctl_sync_peer_lost_batches_total{peer=\"b\"} 2\n"));
    CHECK_THAT(text,
               ContainsSubstring("l7ctl_sync_peer_cache_entries{peer=\"b\",kind=\"flow\"} 7\n"));
    CHECK_THAT(text, ContainsSubstring("l7ctl_sync_outbox_changes_total{result=\"dropped\"} 3\n"));
}
