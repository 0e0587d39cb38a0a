// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/sync_reader.hpp"

#include <algorithm>
#include <limits>

namespace l7 {

namespace {

constexpr const char *kName = "a node's name is of at most 32 letters, digits, '-', '_' and '.'";
constexpr const char *kAddress = "redis is \"ADDRESS:PORT\", with an address, not a name (an IPv6 "
                                 "address in brackets), or the path of a socket, from /";
constexpr std::uint32_t kLeastMemory = 1 << 20;

class SyncReader {
  public:
    SyncReader(TomlReader &reader, const toml::table &table, SyncConfig &into)
        : reader_(reader), table_(table), into_(into) {}

    void run() {
        reader_.only(table_,
                     {"node", "redis", "peers", "user", "password_file", "tls", "ca", "cert", "key",
                      "direct", "expectations", "endpoints", "hints", "memory_bytes"},
                     "[sync]");
        name(table_, "node", into_.node);
        address(table_, false, into_.redis);
        peers();
        login(table_, into_.user, into_.password_file);
        reader_.flag(table_, "tls", into_.tls);
        path(table_, "ca", into_.ca);
        path(table_, "cert", into_.cert);
        path(table_, "key", into_.key);
        reader_.flag(table_, "direct", into_.direct);
        expectations();
        reader_.flag(table_, "endpoints", into_.endpoints);
        reader_.flag(table_, "hints", into_.hints);
        reader_.number(table_, "memory_bytes", kLeastMemory,
                       std::numeric_limits<std::uint32_t>::max(), into_.memory_bytes);
        agree();
    }

  private:
    /// What fits together and what does not.
    void agree() {
        const auto say = [this](const char *key, const char *what) {
            const toml::node *node = table_.get(key);
            reader_.wrong(node ? *node : static_cast<const toml::node &>(table_), what);
        };
        if (into_.tls && into_.ca.empty())
            say("tls", "tls needs ca, the certificates that Redis' own must be signed by");
        if (!into_.tls && !(into_.ca.empty() && into_.cert.empty() && into_.key.empty()))
            say(!into_.ca.empty() ? "ca" : "cert",
                "ca, cert and key mean nothing without tls = true");
        if (into_.cert.empty() != into_.key.empty())
            say(into_.cert.empty() ? "key" : "cert", "cert and key go together");
        for (const SyncPeer &peer : into_.peers) {
            if (peer.name == into_.node)
                say("peers", "a node is no peer of its own");
            if (std::ranges::count(into_.peers, peer.name, &SyncPeer::name) > 1)
                return say("peers", "two peers have the same name");
        }
    }

    void name(const toml::table &table, const char *key, std::string &out) {
        const toml::node *node = table.get(key);
        const auto value = node ? node->value_exact<std::string>() : std::nullopt;
        if (!value || !is_node_name(*value))
            reader_.wrong(node ? *node : static_cast<const toml::node &>(table),
                          node ? std::string(kName) : std::string(key) + " is missing: " + kName);
        else
            out = *value;
    }

    void address(const toml::table &table, bool needed, RedisAddress &out) {
        const toml::node *node = table.get("redis");
        if (!node && !needed)
            return;
        const auto value = node ? node->value_exact<std::string>() : std::nullopt;
        const auto parsed = parse_redis_address(value.value_or(""));
        if (!parsed)
            reader_.wrong(node ? *node : static_cast<const toml::node &>(table), kAddress);
        else
            out = *parsed;
    }

    void peers() {
        const toml::node *node = table_.get("peers");
        if (!node)
            return;
        constexpr const char *kForm =
            "peers is a list of { name = \"b\", redis = \"192.0.2.2:6379\" }";
        const toml::array *list = node->as_array();
        if (!list)
            return reader_.wrong(*node, kForm);
        if (list->size() > kSyncPeersMax)
            return reader_.wrong(*node, "there may be 16 peers");
        for (const toml::node &one : *list) {
            const toml::table *table = one.as_table();
            if (!table) {
                reader_.wrong(one, kForm);
                continue;
            }
            reader_.only(*table, {"name", "redis", "user", "password_file"}, "a peer");
            SyncPeer peer;
            name(*table, "name", peer.name);
            address(*table, true, peer.redis);
            login(*table, peer.user, peer.password_file);
            into_.peers.push_back(std::move(peer));
        }
    }

    void login(const toml::table &table, std::string &user, std::string &file) {
        path(table, "password_file", file);
        const toml::node *node = table.get("user");
        if (!node)
            return;
        const auto value = node->value_exact<std::string>();
        if (!value || value->empty())
            reader_.wrong(*node, "user must be a string that is not empty");
        else if (file.empty())
            reader_.wrong(*node, "user needs password_file: Redis asks for both");
        else
            user = *value;
    }

    void path(const toml::table &table, const char *key, std::string &out) {
        const toml::node *node = table.get(key);
        if (!node)
            return;
        if (const auto value = node->value_exact<std::string>(); value && value->starts_with('/'))
            out = *value;
        else
            reader_.wrong(*node, std::string(key) + " must be the path of a file, from /");
    }

    void expectations() {
        const toml::node *node = table_.get("expectations");
        if (!node)
            return;
        if (const auto all = node->value_exact<bool>()) {
            into_.expectations = *all;
            return;
        }
        if (!node->is_array())
            return reader_.wrong(
                *node, "expectations is true, false or a list of protocols such as [\"ftp\"]");
        into_.parents = reader_.strings(table_, "expectations");
        into_.expectations = !into_.parents.empty();
    }

    TomlReader &reader_;
    const toml::table &table_;
    SyncConfig &into_;
};

} // namespace

void read_sync(TomlReader &reader, const toml::table &table, SyncConfig &into) {
    SyncReader(reader, table, into).run();
}

} // namespace l7
