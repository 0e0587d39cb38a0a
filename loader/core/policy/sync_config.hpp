// SPDX-License-Identifier: GPL-2.0-or-later
// Who replicates flows to whom: [sync] of the configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace l7 {

inline constexpr std::size_t kSyncPeersMax = 16;
inline constexpr std::size_t kNodeNameMax = 32;

/// A literal address or the path of a socket: a slow resolver would hold takeover up.
struct RedisAddress {
    std::string path; ///< of a unix socket; else
    std::string host;
    std::uint16_t port = 6379;

    bool operator==(const RedisAddress &) const = default;
};

struct SyncPeer {
    std::string name;
    RedisAddress redis; ///< where it writes
    std::string user;   ///< there, who need only read; "": as at ours
    std::string password_file;

    bool operator==(const SyncPeer &) const = default;
};

struct SyncConfig {
    std::string node; ///< our name among the nodes; "": no replication
    RedisAddress redis{.path = {}, .host = "127.0.0.1"};
    std::vector<SyncPeer> peers;
    std::string user;          ///< of Redis' ACL; "": the default one
    std::string password_file; ///< "": none is asked for
    bool tls = false;
    std::string ca, cert, key;             ///< PEM files; cert and key may be without
    bool direct = false;                   ///< no external cache: straight into the flow table
    bool expectations = true;              ///< of child connections
    std::vector<std::string> parents;      ///< whose; empty: everyone's
    bool endpoints = false;                ///< what flows to servers turned out to be
    bool hints = false;                    ///< what DNS answers said
    std::uint32_t memory_bytes = 64 << 20; ///< of changes that wait, and of each peer's cache

    bool wanted() const { return !node.empty(); }
    bool operator==(const SyncConfig &) const = default;
};

/// "192.0.2.2", "192.0.2.2:6380", "[2001:db8::2]:6379" or "/run/redis.sock"; nothing for anything
/// else.
std::optional<RedisAddress> parse_redis_address(std::string_view text);

/// As parse_redis_address() reads it.
std::string to_text(const RedisAddress &address);

/// Letters, digits, '-', '_' and '.': it becomes a part of keys.
bool is_node_name(std::string_view text);

} // namespace l7
