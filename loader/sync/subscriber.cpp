// SPDX-License-Identifier: GPL-2.0-or-later
#include "sync/subscriber.hpp"

#include "core/sync/record.hpp"
#include "core/sync/takeover.hpp"
#include "sync/threads.hpp"

#include <algorithm>
#include <charconv>

namespace l7 {

namespace {

using namespace std::chrono_literals;

constexpr auto kBlock = 100ms; // that it waits for something new; what is asked of us waits, too
constexpr std::string_view kBlockText = "100"; // the same
constexpr std::string_view kEntries = "128";   // of the stream at once
constexpr std::string_view kFields = "1000";   // of the hash at once, more or less
constexpr auto kLookEvery = 500ms;             // for signs of life
constexpr auto kExpireEvery = 5s;
constexpr auto kReadEvery = 100ms; // all, at most
constexpr std::string_view kBeginning = "0-0";

/// The milliseconds of a stream's ID.
std::uint64_t ms_of(std::string_view id) {
    std::uint64_t out = 0;
    std::from_chars(id.data(), id.data() + id.size(), out);
    return out;
}

std::uint64_t number_of(std::string_view text) {
    return ms_of(text);
}

/// The batch of an entry of the stream: [ID, ["b", bytes]].
std::optional<BatchView> batch_of(ReplyView entry) {
    return parse_batch(entry[1][1].text());
}

} // namespace

Subscriber::Subscriber(SyncPeer peer, RedisLogin login, std::size_t bytes_max,
                       const TimeoutConfig &timeouts, ReplicaSink *direct)
    : peer_(std::move(peer)), keys_(peer_.name), login_(std::move(login)), direct_(direct),
      cache_(bytes_max, timeouts), position_(kBeginning), alive_ms_(monotonic_ms()),
      answered_ms_(monotonic_ms()) {
    report_.peer = peer_.name;
    thread_ = start_thread("l7-subscribe", [this] { run(); });
}

Subscriber::~Subscriber() {
    stop_.now();
    thread_.join();
}

template <class Do>
void Subscriber::update(Do &&what) {
    const std::lock_guard lock(mutex_);
    what(report_);
}

SubscriberReport Subscriber::report() const {
    SubscriberReport out;
    {
        const std::lock_guard lock(mutex_);
        out = report_;
        if (out.state == PeerState::Unreachable)
            out.lag_ms = static_cast<double>(monotonic_ms() - answered_ms_);
    }
    out.cache = cache_.report();
    return out;
}

void Subscriber::run() {
    Backoff backoff;
    while (!stop_.stopped()) {
        const auto since = Clock::now();
        if (auto served = serve(); !served && !stop_.stopped())
            update([&](SubscriberReport &report) {
                report.state = PeerState::Unreachable;
                report.errors++;
                report.last_error = served.error().message;
            });
        expire();
        if (Clock::now() - since > kAnswerLimit)
            backoff.reset();
        stop_.sleep(backoff.next());
    }
}

/// One connection's life.
Result<void> Subscriber::serve() {
    auto redis = Redis::connect(login_, stop_, kAnswerLimit);
    if (!redis)
        return redis.error();
    const auto run_id = redis->run_id(kAnswerLimit);
    if (!run_id)
        return run_id.error();
    // Another Redis, or this one restarted: what it has of the stream may be older than what we
    // have.
    behind_ |= *run_id != run_id_;
    run_id_ = *run_id;
    if (auto looked = look_for_life(*redis); !looked) // a first read may be a long one
        return looked;
    while (!stop_.stopped()) {
        const auto ticket = full_read_.due();
        if (behind_ || ticket || cache_.wants_full_read()) {
            if (!stop_.sleep(std::chrono::ceil<std::chrono::milliseconds>(
                    std::max(read_due_ - Clock::now(), Clock::duration::zero()))))
                break;
            if (auto read = read_all(*redis); !read)
                return read;
            full_read_.done(ticket);
        }
        if (auto followed = follow(*redis); !followed)
            return followed;
        expire();
    }
    return {};
}

/// All that the peer has, by its hash; and from where the stream goes on.
Result<void> Subscriber::read_all(Redis &redis) {
    const auto began = Clock::now();
    if (auto read = read_position(redis); !read)
        return read;
    Takeover all; // in direct mode
    std::uint64_t count = 0;
    cache_.begin_full_read();
    std::string cursor = "0";
    do {
        const auto reply =
            redis.ask({"HSCAN", keys_.states, cursor, "COUNT", kFields}, kAnswerLimit);
        if (!reply)
            return reply.error();
        cursor = reply->view()[0].text();
        const ReplyView fields = reply->view()[1];
        const std::uint64_t now = monotonic_ms();
        for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
            const std::string_view key = fields[i].text(), record = fields[i + 1].text();
            if (key == kEpochField)
                continue;
            count++;
            if (direct_)
                all.add(key, record);
            else
                cache_.put(key, record, now);
        }
        if (cursor.empty())
            return Error{"Redis' HSCAN gives no cursor"};
    } while (cursor != "0");
    cache_.end_full_read();
    std::size_t entered = 0;
    if (direct_) {
        const auto done = all.enter(*direct_, wall_ms());
        if (!done)
            return Error(done.error()).within("entering what " + peer_.name + " has");
        entered = done->entered;
    }
    behind_ = false;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);
    read_due_ = Clock::now() + kReadEvery; // whatever the peer's stream holds
    update([&](SubscriberReport &report) {
        report.resyncs++;
        report.received += count;
        report.entered += entered;
        report.resync_us = static_cast<std::uint64_t>(took.count());
        report.last_id = position_;
    });
    return {};
}

/// Taken before the hash is read: what changes meanwhile is read twice rather than never.
Result<void> Subscriber::read_position(Redis &redis) {
    const auto reply = redis.ask({"XREVRANGE", keys_.log, "+", "-", "COUNT", "1"}, kAnswerLimit);
    if (!reply)
        return reply.error();
    position_ = kBeginning;
    last_.reset();
    if (reply->view().size() == 0)
        return {};
    const ReplyView entry = reply->view()[0];
    position_ = entry[0].text();
    if (const auto batch = batch_of(entry))
        last_ = batch->head;
    return {};
}

Result<void> Subscriber::follow(Redis &redis) {
    const bool look_now = Clock::now() >= look_due_;
    redis.add({"XREAD", "COUNT", kEntries, "BLOCK", kBlockText, "STREAMS", keys_.log, position_});
    redis.add({"TIME"});
    if (look_now)
        redis.add({"EXISTS", keys_.alive});
    const auto replies = redis.run(kBlock + kAnswerLimit);
    if (!replies)
        return replies.error();
    note_answer();
    if (look_now)
        note_alive((*replies)[2].view());
    // [[key, [entry, ...]]]
    const ReplyView entries = (*replies)[0].view()[0][1];
    if (auto looked = look(entries); !looked)
        return looked;
    const ReplyView time = (*replies)[1].view();
    const std::uint64_t now_us = number_of(time[0].text()) * 1'000'000 + number_of(time[1].text());
    double lag_ms = 0;
    if (entries.size() != 0)
        lag_ms = std::max(
            static_cast<double>(now_us) / 1000.0 - static_cast<double>(ms_of(position_)), 0.0);
    update([&](SubscriberReport &report) {
        report.last_id = position_;
        report.lag_ms = lag_ms;
    });
    return {};
}

Result<void> Subscriber::look(ReplyView entries) {
    std::uint64_t received = 0;
    for (std::size_t i = 0; i < entries.size() && !behind_; i++) {
        const ReplyView entry = entries[i];
        const auto batch = batch_of(entry);
        position_ = entry[0].text();
        if (!batch) {
            update([](SubscriberReport &report) { report.malformed++; });
            behind_ = true;
            break;
        }
        received += batch->changes.size();
        if (auto taken = take(*batch); !taken)
            return taken;
    }
    if (received)
        update([&](SubscriberReport &report) { report.received += received; });
    return {};
}

/// A batch of the stream, in its order: none may be missing.
Result<void> Subscriber::take(const BatchView &batch) {
    const BatchHead &head = batch.head;
    const bool same = last_ && last_->epoch == head.epoch;
    if (head.anew || (last_ && !same)) {
        behind_ = true;
        return {};
    }
    if (same && head.sequence <= last_->sequence)
        return {}; // sent once more after a connection of the peer's broke
    if (same && head.sequence != last_->sequence + 1) {
        update(
            [&](SubscriberReport &report) { report.lost += head.sequence - last_->sequence - 1; });
        behind_ = true;
        return {};
    }
    last_ = head;
    if (direct_)
        return enter(batch);
    const std::uint64_t now = monotonic_ms();
    for (const ChangeView &change : batch.changes)
        if (change.record.empty())
            cache_.remove(change.key);
        else
            cache_.put(change.key, change.record, now);
    return {};
}

Result<void> Subscriber::enter(const BatchView &batch) {
    Takeover changed;
    std::vector<l7_key> gone;
    for (const ChangeView &change : batch.changes)
        if (!change.record.empty())
            changed.add(change.key, change.record);
        else if (const auto key = parse_flow_key(change.key))
            gone.push_back(*key);
    const auto entered = changed.enter(*direct_, wall_ms());
    if (!entered) {
        behind_ = true; // all of it once more
        return Error(entered.error()).within("entering what " + peer_.name + " sent");
    }
    if (!gone.empty())
        direct_->gone(gone);
    update([&](SubscriberReport &report) { report.entered += entered->entered; });
    return {};
}

Result<void> Subscriber::look_for_life(Redis &redis) {
    const auto exists = redis.ask({"EXISTS", keys_.alive}, kAnswerLimit);
    if (!exists)
        return exists.error();
    note_answer();
    note_alive(exists->view());
    return {};
}

void Subscriber::note_answer() {
    const std::lock_guard lock(mutex_);
    answered_ms_ = monotonic_ms();
}

/// What Redis says of the key that lives as long as the node does.
void Subscriber::note_alive(ReplyView exists) {
    look_due_ = Clock::now() + kLookEvery;
    const bool alive = exists.integer() != 0;
    if (alive)
        alive_ms_ = monotonic_ms();
    update([&](SubscriberReport &report) {
        report.state = alive ? PeerState::Up : PeerState::Silent;
    });
}

void Subscriber::expire() {
    if (Clock::now() < expire_due_)
        return;
    expire_due_ = Clock::now() + kExpireEvery;
    cache_.expire(monotonic_ms(), alive_ms_, wall_ms());
}

} // namespace l7
