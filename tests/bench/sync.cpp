// SPDX-License-Identifier: GPL-2.0-or-later
// Replication of flows through real redis-servers, whose sockets sync_redis.py names: a node each.
#include "daemon/parts/replica_table.hpp"
#include "rig.hpp"
#include "support/memory_table.hpp"
#include "support/rules.hpp"
#include "sync/replication.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace {

using namespace l7;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kFlows = 100'000;

double ms(Clock::duration of) {
    return std::chrono::duration<double, std::milli>(of).count();
}

double cpu_s() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval &of) {
        return static_cast<double>(of.tv_sec) + static_cast<double>(of.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

template <class Condition>
void wait_for(Condition condition, const char *what, std::chrono::seconds limit = 30s) {
    const auto until = Clock::now() + limit;
    while (!condition()) {
        if (Clock::now() > until) {
            bench::die(std::string("waited in vain for ") + what);
        }
        std::this_thread::sleep_for(1ms);
    }
}

/// The table of the node that is told; notes when each flow came.
class Watch : public MemoryTable {
  public:
    Watch() : MemoryTable(kFlows) {}
    Result<std::size_t> put(std::span<const FlowState> flows) override {
        const auto now = Clock::now().time_since_epoch();
        for (const FlowState &state : flows)
            if (const std::uint64_t sent = state.rules; sent > 1'000'000) // when it changed, in ns
                delays_.push_back(static_cast<double>(now.count()) - static_cast<double>(sent));
        count_ += flows.size();
        return MemoryTable::put(flows);
    }
    std::uint64_t count() const { return count_; }
    /// Of the events since the last call, once no more come.
    std::vector<double> take() { return std::exchange(delays_, {}); }

  private:
    std::vector<double> delays_; // by the subscriber's thread
    std::atomic<std::uint64_t> count_{0};
};

/// All the flows of a node.
WalkOwn walk_of(std::uint32_t flows) {
    return [flows](OwnStates &own) -> Result<void> {
        for (std::uint32_t i = 0; i < flows; i++)
            own.flow(numbered_flow(i), false);
        return {};
    };
}

SyncConfig config_of(const char *node, const char *redis, const char *peer, const char *peer_redis,
                     bool direct) {
    SyncConfig out;
    out.node = node;
    out.redis.path = redis;
    out.peers = {{peer, {.path = peer_redis, .host = {}}}};
    out.direct = direct;
    return out;
}

void row(const std::string &what, const std::string &measured, const char *wanted) {
    std::printf("| sync: %s | %s | %s |\n", what.c_str(), measured.c_str(), wanted);
    std::fflush(stdout);
}

std::string text(const char *form, double value) {
    char out[64];
    std::snprintf(out, sizeof(out), form, value);
    return out;
}

/// How late a thread of this machine's is that only sleeps, a millisecond at a time: what nobody's
/// messages can be quicker than.
class Pulse {
  public:
    Pulse() : thread_([this] { beat(); }) {}
    Pulse(const Pulse &) = delete;
    Pulse &operator=(const Pulse &) = delete;
    ~Pulse() { stop(); }

    /// Lateness in ns, sorted.
    std::vector<double> stop() {
        stop_ = true;
        if (thread_.joinable())
            thread_.join();
        std::ranges::sort(late_);
        return late_;
    }

  private:
    void beat() {
        for (auto due = Clock::now(); !stop_;
             due += 1ms) { // a stall makes many beats late, as messages
            std::this_thread::sleep_until(due);
            late_.push_back(ms(Clock::now() - due) * 1e6);
        }
    }

    std::atomic<bool> stop_ = false;
    std::vector<double> late_;
    std::thread thread_;
};

/// Updates at a rate, from one thread, in slices of a millisecond.
void updates(Replication &node, std::uint32_t rate, std::chrono::seconds time) {
    const auto began = Clock::now();
    std::uint64_t done = 0;
    for (auto now = began; now < began + time; now = Clock::now()) {
        const auto due = static_cast<std::uint64_t>(ms(now - began) * rate / 1000);
        for (; done < due; done++) {
            FlowState state = numbered_flow(static_cast<std::uint32_t>(done % kFlows), 2);
            state.rules = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
            node.changed(state);
        }
        std::this_thread::sleep_for(100us);
    }
}

void direct(const char *one, const char *other) {
    Watch here, there;
    Replication a(config_of("a", one, "b", other, true), {}, here, walk_of(0));
    Replication b(config_of("b", other, "a", one, true), {}, there, walk_of(0));
    wait_for([&] { return b.report().peers[0].state == PeerState::Up; }, "the peer");
    struct Run {
        std::uint32_t rate;
        const char *median, *most;
    };
    for (const Run &run : {Run{10'000, "< 1 ms", "< 10 ms"}, Run{100'000, "-", "-"}}) {
        const std::uint64_t before = there.count(), sent_before = a.report().outbox.changes;
        const std::uint64_t merged_before = a.report().outbox.coalesced;
        const double cpu_before = cpu_s();
        const auto began = Clock::now();
        Pulse pulse;
        updates(a, run.rate, 10s);
        const std::vector<double> late = pulse.stop();
        const OutboxReport outbox = a.report().outbox;
        const std::uint64_t sent = outbox.changes - sent_before;
        const std::uint64_t wanted = sent - (outbox.coalesced - merged_before);
        wait_for([&] { return there.count() - before >= wanted; }, "all updates");
        const double took = ms(Clock::now() - began) / 1000;
        std::this_thread::sleep_for(300ms); // for one that would be too many
        std::vector<double> delays = there.take();
        std::ranges::sort(delays);
        const std::string rate = std::to_string(run.rate) + "/s";
        row("event to peer's table at " + rate + ", median",
            text("%.3f ms", delays[delays.size() / 2] / 1e6), run.median);
        row("the same, p99 and most; of a thread that only sleeps",
            text("%.3f, ", delays[delays.size() * 99 / 100] / 1e6) +
                text("%.3f ms; ", delays.back() / 1e6) +
                text("%.3f, ", late[late.size() * 99 / 100] / 1e6) +
                text("%.3f ms", late.back() / 1e6),
            run.most);
        row("updates a second that arrived at " + rate,
            text("%.0f", static_cast<double>(there.count() - before) / took) +
                text(", %.0f coalesced", static_cast<double>(outbox.coalesced - merged_before)) +
                text(", %.0f lost", static_cast<double>(b.report().peers[0].lost)) +
                text(", %.2f CPUs for both nodes", (cpu_s() - cpu_before) / took),
            run.rate == 100'000 ? "100000" : "-");
    }
}

void cached(const char *one, const char *other) {
    MemoryTable here, there;
    Replication a(config_of("a", one, "b", other, false), {}, here, walk_of(kFlows));
    Replication b(config_of("b", other, "a", one, false), {}, there, walk_of(0));
    wait_for([&] { return b.report().peers[0].cache.flows == kFlows; }, "the external cache");
    wait_for([&] { return a.report().own.bytes > 0 && a.report().own.states == kFlows; },
             "what it takes in Redis");
    const auto began = Clock::now();
    const ResyncReport resync = b.resync();
    if (!resync.own || !resync.missing.empty() || b.report().peers[0].cache.flows != kFlows)
        bench::die("a resync did not bring everything");
    row("a peer's 100,000 read anew", text("%.0f ms", ms(Clock::now() - began)), "< 1 s");
    const std::uint64_t reads = b.report().peers[0].resyncs;
    const auto again = Clock::now();
    if (!a.resync().own)
        bench::die("a resync did not write our own");
    row("100,000 of our own written anew", text("%.0f ms", ms(Clock::now() - again)), "< 1 s");
    wait_for([&] { return b.report().peers[0].resyncs > reads; }, "the peer to read that");
    row("the same until the peer has read it", text("%.0f ms", ms(Clock::now() - again)), "-");
    const auto committed = b.commit("");
    if (!committed || committed->entered != kFlows)
        bench::die("a commit did not enter all flows");
    row("commit of 100,000", text("%.0f ms", static_cast<double>(committed->took_us) / 1000),
        "< 1 s");
    if (there.wrong(0, kFlows, [](std::uint32_t i) { return numbered_flow(i); }) != 0)
        bench::die("a commit entered wrong flows");
    row("external cache, bytes a flow",
        text("%.0f", static_cast<double>(b.report().peers[0].cache.bytes) / kFlows), "-");
}

/// A catalog that knows what numbered_flow() names.
std::shared_ptr<const Catalog> catalog() {
    auto out = std::make_shared<Catalog>();
    out->knowledge = test::knowledge_of({{"tls", {}}});
    auto applications = std::make_shared<NameNumbers>(1, L7_APPLICATIONS_MAX);
    applications->number("youtube");
    out->knowledge.application_numbers = std::move(applications);
    out->knowledge.remember();
    out->rules = std::make_shared<RuleTables>(test::tables_of({}, out->knowledge));
    return out;
}

/// The same takeover, into the kernel's table.
void kernel(const char *one, const char *other) {
    MemoryTable here;
    const bench::Rig rig(kFlows + kFlows / 4, 32768); // an LRU table recycles before it is full
    CatalogHolder catalogs;
    catalogs.publish(catalog());
    ReplicaTable there(*rig.kernel, catalogs);
    Replication a(config_of("k", one, "l", other, false), {}, here, walk_of(kFlows));
    Replication b(config_of("l", other, "k", one, false), {}, there, walk_of(0));
    wait_for([&] { return b.report().peers[0].cache.flows == kFlows; }, "the external cache");
    std::vector<double> took;
    for (int round = 0; round < 5; round++) {
        const auto committed = b.commit("");
        if (!committed || committed->entered != kFlows)
            bench::die("a commit did not enter all flows");
        took.push_back(static_cast<double>(committed->took_us) / 1000);
    }
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < kFlows; i++) {
        const FlowState wanted = numbered_flow(i);
        const auto got = there.state(wanted.key);
        wrong += !got || got->protocol != wanted.protocol ||
                 got->application != wanted.application || got->hostname != wanted.hostname ||
                 got->sides[1].scale != wanted.sides[1].scale;
    }
    row("commit of 100,000 into the kernel's table, median of 5; wrong ones",
        text("%.0f ms", bench::median(took)) + text(", %.0f", wrong), "< 1 s, 0");
}

/// MEMORY USAGE of hash and stream, the latter full of single updates as far as it goes back.
void memory(const char *one, const char *other) {
    MemoryTable here;
    SyncConfig config = config_of("m", one, "b", other, false);
    Replication node(config, {}, here, walk_of(kFlows));
    wait_for([&] { return node.report().own.states == kFlows; }, "the hash");
    for (std::uint32_t i = 0; i < kFlows; i++) {
        node.changed(numbered_flow(i, 2));
        if (i % 64 == 63)
            wait_for([&] { return node.report().outbox.waiting == 0; }, "the outbox");
    }
    wait_for([&] { return node.report().own.sent >= kFlows; }, "the stream");
    const Stop stop;
    auto redis = Redis::connect({config.redis, {}, {}, {}}, stop, 2s);
    if (!redis)
        bench::die("Redis does not answer");
    const NodeKeys keys("m");
    double sum = 0;
    for (const std::string &key : {keys.states, keys.log}) {
        const auto used = redis->ask({"MEMORY", "USAGE", key, "SAMPLES", "0"}, 10s);
        if (!used)
            bench::die("Redis does not tell what it uses");
        const double each = static_cast<double>(used->view().integer()) / kFlows;
        row(key == keys.states ? "bytes a flow in Redis' hash, of 100,000"
                               : "and in its stream, updates of all of them behind it",
            text("%.0f", each), "-");
        sum += each;
    }
    row("both", text("%.0f", sum), "<= 400");
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "bench_sync SOCKET SOCKET: of two redis-servers; run as root\n");
        return 2;
    }
    direct(argv[1], argv[2]);
    cached(argv[1], argv[2]);
    kernel(argv[1], argv[2]);
    memory(argv[1], argv[2]);
    return 0;
}
