// SPDX-License-Identifier: GPL-2.0-or-later
#include "sync/publisher.hpp"

#include "core/sync/record.hpp"
#include "sync/threads.hpp"

#include <algorithm>
#include <random>

namespace l7 {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kBeatEvery = 1s;    // and the outbox is looked at at least as often
constexpr auto kAliveFor = "3000"; // ms without a beat after which we count as dead
constexpr auto kSizeEvery = 10s;
constexpr auto kRewriteEvery = 1s; // at most, where no one asked
constexpr std::size_t kRewriteSlice = 256;
constexpr std::size_t kRewriteBytes = 1 << 20; // of commands before replies are read

std::uint64_t random_epoch() {
    std::random_device source;
    return std::uint64_t{source()} << 32 | source();
}

} // namespace

bool Telling::of_parent(std::string_view protocol) const {
    return expectations &&
           (parents.empty() || std::ranges::find(parents, protocol) != parents.end());
}

/// Collects all that is ours into the new hash.
class Publisher::Rewriter : public OwnStates {
  public:
    Rewriter(Redis &redis, const NodeKeys &keys, const Telling &telling)
        : redis_(redis), keys_(keys), telling_(telling), now_ms_(wall_ms()) {}

    void flow(const FlowState &state, bool untouched) override {
        if (!untouched || telling_.untouched)
            add(key_of(state.key), encode(state, untouched ? 0 : now_ms_));
    }
    void expectation(const ExpectationState &state, std::string_view parent) override {
        if (telling_.of_parent(parent))
            add(key_of(state), encode(state));
    }
    void endpoint(const EndpointState &state) override {
        if (telling_.endpoints)
            add(key_of(state), encode(state));
    }
    void hint(const HintState &state) override {
        if (telling_.hints)
            add(key_of(state), encode(state));
    }

    /// Sends what is left; the first error there was.
    Result<void> finish() {
        flush_slice();
        send();
        return failed_ ? Result<void>(*failed_) : Result<void>();
    }

  private:
    void add(std::string key, std::string record) {
        if (failed_)
            return;
        slice_.push_back({std::move(key), std::move(record)});
        if (slice_.size() < kRewriteSlice)
            return;
        flush_slice();
        if (redis_.waiting_bytes() >= kRewriteBytes)
            send();
    }

    void flush_slice() {
        if (slice_.empty())
            return;
        redis_.begin(2 + 2 * slice_.size());
        redis_.word("HSET");
        redis_.word(keys_.anew);
        for (const Change &change : slice_) {
            redis_.word(change.key);
            redis_.word(change.record);
        }
        slice_.clear();
    }

    void send() {
        if (failed_)
            return;
        if (auto done = redis_.run(kAnswerLimit); !done)
            failed_ = done.error();
    }

    Redis &redis_;
    const NodeKeys &keys_;
    const Telling &telling_;
    const std::uint64_t now_ms_;
    std::vector<Change> slice_;
    std::optional<Error> failed_;
};

Publisher::Publisher(const std::string &node, RedisLogin login, Telling telling, Outbox &outbox,
                     WalkOwn walk)
    : keys_(node), login_(std::move(login)), telling_(std::move(telling)),
      epoch_(std::to_string(random_epoch())), epoch_number_(std::stoull(epoch_)), outbox_(outbox),
      walk_(std::move(walk)) {
    thread_ = start_thread("l7-publish", [this] { run(); });
}

Publisher::~Publisher() {
    stop_.now();
    outbox_.wake();
    thread_.join();
}

template <class Do>
void Publisher::update(Do &&what) {
    const std::lock_guard lock(mutex_);
    what(report_);
}

PublisherReport Publisher::report() const {
    const std::lock_guard lock(mutex_);
    return report_;
}

bool Publisher::resync(steady_clock::time_point until) {
    const auto ticket = resync_.ask();
    outbox_.wake();
    return resync_.wait(ticket, until);
}

bool Publisher::flush(steady_clock::time_point until) {
    const auto ticket = flush_.ask();
    outbox_.wake();
    return flush_.wait(ticket, until);
}

void Publisher::note_down(const Error &error) {
    if (stop_.stopped())
        return;
    update([&](PublisherReport &report) {
        report.up = false;
        report.errors++;
        report.last_error = error.message;
    });
}

void Publisher::run() {
    Backoff backoff;
    while (!stop_.stopped()) {
        const auto since = steady_clock::now();
        if (auto served = serve(); !served)
            note_down(served.error());
        if (steady_clock::now() - since > kAnswerLimit)
            backoff.reset();
        stop_.sleep(backoff.next());
    }
}

/// One connection's life.
Result<void> Publisher::serve() {
    auto redis = Redis::connect(login_, stop_, kAnswerLimit);
    if (!redis)
        return redis.error();
    if (auto started = start(*redis); !started)
        return started;
    update([](PublisherReport &report) { report.up = true; });
    while (!stop_.stopped()) {
        if (auto done = errands(*redis); !done)
            return done;
        if (auto sent = send(*redis); !sent)
            return sent;
        if (steady_clock::now() >= beat_due_)
            if (auto beaten = beat(*redis); !beaten)
                return beaten;
    }
    return {};
}

/// A Redis that was restarted may have nothing, or what an old file of its had.
Result<void> Publisher::start(Redis &redis) {
    const auto run_id = redis.run_id(kAnswerLimit);
    if (!run_id)
        return run_id.error();
    if (*run_id != run_id_)
        if (auto written = rewrite(redis, false); !written)
            return written;
    run_id_ = *run_id;
    beat_due_ = size_due_ = {};
    return beat(redis);
}

Result<void> Publisher::errands(Redis &redis) {
    if (const auto ticket = flush_.due()) {
        if (auto written = rewrite(redis, true); !written)
            return written;
        flush_.done(ticket);
    }
    rewrite_wanted_ |= outbox_.take_dropped();
    const auto ticket = resync_.due();
    if (!ticket && !(rewrite_wanted_ && steady_clock::now() >= rewrite_due_))
        return {};
    if (auto written = rewrite(redis, false); !written)
        return written;
    resync_.done(ticket);
    return {};
}

/// All that is ours, written beside the old hash and put in its place in one step; readers are told
/// by the stream. Changes that wait in the outbox are no older than what the walk finds.
Result<void> Publisher::rewrite(Redis &redis, bool empty) {
    const auto began = steady_clock::now();
    rewrite_due_ = began + kRewriteEvery;
    unsent_.clear(); // the walk finds what they led to
    redis.add({"DEL", keys_.anew});
    redis.add({"HSET", keys_.anew, kEpochField, epoch_});
    if (auto done = redis.run(kAnswerLimit); !done)
        return done.error();
    if (!empty) {
        Rewriter rewriter(redis, keys_, telling_);
        const auto walked = walk_(rewriter);
        if (auto written = rewriter.finish(); !written)
            return written;
        // Nobody gets less than all for a walk that failed; it is tried again.
        if (!walked) {
            rewrite_wanted_ = true;
            return Error(walked.error()).within("reading our own flows");
        }
    }
    redis.add({"RENAME", keys_.anew, keys_.states});
    redis.add({"XADD", keys_.log, "*", "b", encode_batch({epoch_number_, sequence_, true}, {})});
    auto replies = redis.run(kAnswerLimit);
    if (!replies)
        return replies.error();
    sequence_++;
    // Whoever has not read this far reads the hash.
    const std::string marker((*replies)[1].view().text());
    if (auto trimmed = redis.ask({"XTRIM", keys_.log, "MINID", marker}, kAnswerLimit); !trimmed)
        return trimmed.error();
    stream_.assign(1, {marker, 1});
    stream_records_ = 1;
    rewrite_wanted_ = false;
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began);
    update([&](PublisherReport &report) {
        report.resyncs++;
        report.resync_us = static_cast<std::uint64_t>(took.count());
    });
    return {};
}

/// Takes changes and sends them. What a broken connection leaves open is sent once more: readers
/// know by the sequence number what they have.
Result<void> Publisher::send(Redis &redis) {
    if (unsent_.empty()) {
        const auto wait = std::clamp(
            std::chrono::ceil<std::chrono::milliseconds>(beat_due_ - steady_clock::now()), 0ms,
            std::chrono::milliseconds(kBeatEvery));
        for (auto batch = outbox_.take(kBatchChanges, wait); !batch.empty();
             batch = outbox_.take(kBatchChanges, 0ms)) {
            unsent_.push_back(std::move(batch));
            if (unsent_.size() == kPipeline)
                break;
        }
    }
    if (unsent_.empty())
        return {};
    std::vector<std::size_t> sizes, adds;
    std::size_t commands = 0;
    const std::uint64_t first = sequence_;
    for (const auto &batch : unsent_) {
        const bool gone =
            std::ranges::any_of(batch, [](const Change &c) { return c.record.empty(); });
        const bool put =
            std::ranges::any_of(batch, [](const Change &c) { return !c.record.empty(); });
        add_batch(redis, batch);
        commands += 1U + gone + put;
        adds.push_back(commands - 1);
        sizes.push_back(batch.size());
    }
    auto replies = redis.run(kAnswerLimit);
    if (!replies) {
        sequence_ = first; // the same numbers once more
        return replies.error();
    }
    std::size_t sent = 0;
    for (std::size_t i = 0; i < adds.size(); i++) {
        stream_.push_back({std::string((*replies)[adds[i]].view().text()), sizes[i]});
        stream_records_ += sizes[i];
        sent += sizes[i];
    }
    unsent_.clear();
    update([&](PublisherReport &report) { report.sent += sent; });
    return {};
}

void Publisher::add_batch(Redis &redis, const std::vector<Change> &changes) {
    const auto gone = static_cast<std::size_t>(
        std::ranges::count_if(changes, [](const Change &change) { return change.record.empty(); }));
    if (gone < changes.size()) {
        redis.begin(2 + 2 * (changes.size() - gone));
        redis.word("HSET");
        redis.word(keys_.states);
        for (const Change &change : changes)
            if (!change.record.empty()) {
                redis.word(change.key);
                redis.word(change.record);
            }
    }
    if (gone) {
        redis.begin(2 + gone);
        redis.word("HDEL");
        redis.word(keys_.states);
        for (const Change &change : changes)
            if (change.record.empty())
                redis.word(change.key);
    }
    while (stream_.size() > 1 && stream_records_ > kStreamRecords) {
        stream_records_ -= stream_.front().records;
        stream_.pop_front();
    }
    const std::string bytes = encode_batch({epoch_number_, sequence_++, false}, changes);
    if (stream_.empty())
        redis.add({"XADD", keys_.log, "*", "b", bytes});
    else
        redis.add({"XADD", keys_.log, "MINID", "~", stream_.front().id, "*", "b", bytes});
}

/// Tells that we live, and looks whether what we wrote is still there.
Result<void> Publisher::beat(Redis &redis) {
    const auto now = steady_clock::now();
    const bool size = now >= size_due_;
    redis.add({"SET", keys_.alive, epoch_, "PX", kAliveFor});
    redis.add({"HGET", keys_.states, kEpochField});
    redis.add({"HLEN", keys_.states});
    if (size)
        redis.add({"MEMORY", "USAGE", keys_.states});
    const auto replies = redis.run(kAnswerLimit);
    if (!replies)
        return replies.error();
    beat_due_ = now + kBeatEvery;
    if (size)
        size_due_ = now + kSizeEvery;
    // Somebody removed it, or another process of our name wrote it.
    rewrite_wanted_ |= (*replies)[1].view().text() != epoch_;
    const auto states = static_cast<std::uint64_t>((*replies)[2].view().integer());
    update([&](PublisherReport &report) {
        report.states = states > 0 ? states - 1 : 0; // less the epoch
        if (size)
            report.bytes = static_cast<std::uint64_t>((*replies)[3].view().integer());
    });
    return {};
}

} // namespace l7
