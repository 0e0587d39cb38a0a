// SPDX-License-Identifier: GPL-2.0-or-later
// sync_node CONTROL NODE REDIS [PEER=REDIS...] [KEY=VALUE...]: a node whose flow table is in
// memory. It listens at the unix socket CONTROL; a connection asks one line and gets one line of
// JSON. Its own flows are numbers with a version; see numbered_flow().
#include "core/base/fields_json.hpp"
#include "memory_table.hpp"
#include "sync/replication.hpp"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

namespace {

using namespace l7;
using Json = nlohmann::json;

/// Takes its time where it is told to, for what happens during a commit.
class SlowTable : public MemoryTable {
  public:
    Result<std::size_t> put(std::span<const FlowState> flows) override {
        std::this_thread::sleep_for(std::chrono::milliseconds(slow_ms.load()));
        return MemoryTable::put(flows);
    }
    std::atomic<unsigned> slow_ms{0};
};

class Node {
  public:
    Node(SyncConfig config) : sync_(std::move(config), {}, table_, walk()) {}

    Json answer(const std::string &line) {
        std::istringstream in(line);
        std::string what;
        in >> what;
        std::uint32_t from = 0, count = 0, version = 0;
        if (what == "flows") {
            in >> from >> count >> version;
            for (std::uint32_t i = from; i < from + count; i++) {
                {
                    const std::lock_guard lock(mutex_);
                    own_[i] = version;
                }
                sync_.changed(numbered_flow(i, version));
            }
            return true;
        }
        if (what == "untouched") { // as a commit leaves them
            in >> from >> count >> version;
            const std::lock_guard lock(mutex_);
            for (std::uint32_t i = from; i < from + count; i++)
                untouched_[i] = version;
            return true;
        }
        if (what == "ended") {
            in >> from >> count;
            for (std::uint32_t i = from; i < from + count; i++) {
                {
                    const std::lock_guard lock(mutex_);
                    own_.erase(i);
                }
                sync_.ended(numbered_flow(i).key);
            }
            return true;
        }
        if (what == "wrong") { // of what the table should have
            in >> from >> count >> version;
            return table_.wrong(from, count,
                                [&](std::uint32_t i) { return numbered_flow(i, version); });
        }
        if (what == "table")
            return table_.size();
        if (what == "clear")
            return table_.clear(), true;
        if (what == "slow") {
            unsigned ms = 0;
            in >> ms;
            table_.slow_ms = ms;
            return true;
        }
        if (what == "status")
            return Json::parse(json_line(sync_.report()));
        std::string which;
        in >> which;
        if (what == "commit") {
            const auto done = sync_.commit(which);
            return done ? Json{{"flows", done->flows},
                               {"entered", done->entered},
                               {"ms", static_cast<double>(done->took_us) / 1000}}
                        : Json{{"error", done.error().message}};
        }
        if (what == "resync")
            return sync_.resync().own;
        if (what == "flush") {
            const auto done = which == "internal" ? sync_.flush_internal() : sync_.flush_external();
            return done ? Json(true) : Json{{"error", done.error().message}};
        }
        return {{"error", "what?"}};
    }

  private:
    WalkOwn walk() {
        return [this](OwnStates &own) -> Result<void> {
            std::map<std::uint32_t, std::uint32_t> all, untouched;
            {
                const std::lock_guard lock(mutex_);
                all = own_;
                untouched = untouched_;
            }
            for (const auto &[number, version] : all)
                own.flow(numbered_flow(number, version), false);
            for (const auto &[number, version] : untouched)
                own.flow(numbered_flow(number, version), true);
            return {};
        };
    }

    std::mutex mutex_;
    std::map<std::uint32_t, std::uint32_t> own_, untouched_; // guarded by mutex_
    SlowTable table_;
    Replication sync_;
};

void serve(Node &node, Fd connection) {
    std::string line;
    char byte = 0;
    while (read(connection.get(), &byte, 1) == 1 && byte != '\n')
        line += byte;
    const std::string out = node.answer(line).dump() + "\n";
    if (write(connection.get(), out.data(), out.size()) < 0)
        std::perror("sync_node");
}

SyncConfig config_of(int argc, char **argv) {
    SyncConfig out;
    out.node = argv[2];
    out.redis = parse_redis_address(argv[3]).value();
    for (int i = 4; i < argc; i++) {
        const std::string word = argv[i];
        const std::string key = word.substr(0, word.find('=')),
                          value = word.substr(word.find('=') + 1);
        if (key == "--direct")
            out.direct = true;
        else if (key == "--memory")
            out.memory_bytes = static_cast<std::uint32_t>(std::stoul(value));
        else if (key == "--user")
            out.user = value;
        else if (key == "--password-file")
            out.password_file = value;
        else if (key == "--reader-file") // of a user of that name, after the peers
            for (SyncPeer &peer : out.peers)
                peer.user = "reader", peer.password_file = value;
        else if (key == "--ca")
            out.tls = true, out.ca = value;
        else if (key == "--cert")
            out.cert = value;
        else if (key == "--key")
            out.key = value;
        else
            out.peers.push_back({key, parse_redis_address(value).value()});
    }
    return out;
}

} // namespace

int main(int argc, char **argv) {
    if (argc < 4)
        return 2;
    const Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string(argv[1]).copy(address.sun_path, sizeof(address.sun_path) - 1);
    unlink(argv[1]);
    if (bind(listener.get(), reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0 ||
        listen(listener.get(), 16) != 0) {
        std::perror("sync_node");
        return 1;
    }
    Node node(config_of(argc, argv));
    for (;;)
        if (Fd connection(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)); connection)
            std::thread(serve, std::ref(node), std::move(connection)).detach();
}
