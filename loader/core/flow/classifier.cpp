// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/classifier.hpp"

namespace l7 {

namespace {
constexpr std::size_t kSpares = 256;
constexpr std::size_t kDecided = 1 << 16;

/// The low bits of the hash chose the worker and are the same for all its flows.
constexpr std::size_t slot_of(std::uint32_t hash) {
    return (hash >> 6) % kDecided;
}
} // namespace

Classifier::Classifier(ClassifierLimits limits)
    : limits_(limits), at_hand_(std::make_unique<Judge>()), decided_(kDecided) {}

void Classifier::use(std::shared_ptr<const Database> database,
                     std::shared_ptr<const Protocols> protocols) {
    scanner_ = std::make_unique<Scanner>(std::move(database));
    protocols_ = std::move(protocols);
    for (Entry *entry = oldest_; entry; entry = entry->newer)
        entry->judge->start_over();
}

std::optional<l7_verdict> Classifier::take(const Sample &sample, std::uint64_t now_ns) {
    counters_.samples++;
    if (was_decided(sample.head)) {
        counters_.stale_samples++;
        return std::nullopt;
    }
    auto at = flows_.find(sample.head.key);
    if (at != flows_.end() && at->second.judge->born() != sample.head.born) {
        release(at); // a new connection on old ports
        at = flows_.end();
    }
    Judge &judge = at == flows_.end() ? *at_hand_ : *at->second.judge;
    if (at == flows_.end())
        judge.begin(sample);
    const auto judgement = judge.take(sample, *scanner_, *protocols_, limits_.judge);
    if (judgement) {
        remember(sample.head.hash, sample.head.born);
        if (at != flows_.end())
            release(at);
        return verdict(sample.head.key, sample.head.born, *judgement);
    }
    if (at == flows_.end()) {
        if (flows_.size() >= limits_.flows)
            push_out();
        at = flows_.try_emplace(sample.head.key).first;
        at->second.judge = std::move(at_hand_);
        at_hand_ = spare();
    } else {
        unlink(at->second);
    }
    at->second.last_ns = now_ns;
    link_newest(at->second);
    return std::nullopt;
}

void Classifier::sweep(std::uint64_t now_ns, std::size_t most, std::vector<l7_verdict> &out) {
    for (Entry *entry = oldest_; entry && most > 0; most--) {
        Entry *next = entry->newer;
        const std::uint64_t idle = now_ns - entry->last_ns;
        if (idle < limits_.candidate_idle_ns)
            break;
        if (entry->judge->has_candidate() || idle >= limits_.idle_ns) {
            const l7_key key = entry->judge->key();
            const std::uint32_t born = entry->judge->born();
            remember(l7_key_hash(&key), born);
            out.push_back(verdict(key, born, entry->judge->give_up(*scanner_)));
            release(flows_.find(key));
        }
        entry = next;
    }
}

void Classifier::finish(std::vector<l7_verdict> &out) {
    for (Entry *entry = oldest_; entry; entry = entry->newer)
        out.push_back(
            verdict(entry->judge->key(), entry->judge->born(), entry->judge->give_up(*scanner_)));
    flows_.clear();
    oldest_ = newest_ = nullptr;
}

std::optional<l7_verdict> Classifier::take_pushed_out() {
    return std::exchange(pushed_out_, std::nullopt);
}

std::size_t Classifier::memory() const {
    std::size_t bytes = flows_.bucket_count() * sizeof(void *);
    for (const auto &[key, entry] : flows_)
        bytes += sizeof(key) + sizeof(entry) + 2 * sizeof(void *) + entry.judge->memory();
    return bytes;
}

void Classifier::unlink(Entry &entry) {
    (entry.older ? entry.older->newer : oldest_) = entry.newer;
    (entry.newer ? entry.newer->older : newest_) = entry.older;
    entry.older = entry.newer = nullptr;
}

void Classifier::link_newest(Entry &entry) {
    entry.older = newest_;
    entry.newer = nullptr;
    (newest_ ? newest_->newer : oldest_) = &entry;
    newest_ = &entry;
}

std::unique_ptr<Judge> Classifier::spare() {
    if (spares_.empty())
        return std::make_unique<Judge>();
    auto judge = std::move(spares_.back());
    spares_.pop_back();
    return judge;
}

void Classifier::release(Flows::iterator at) {
    unlink(at->second);
    if (spares_.size() < kSpares)
        spares_.push_back(std::move(at->second.judge));
    flows_.erase(at);
}

l7_verdict Classifier::verdict(const l7_key &key, std::uint32_t born, const Judgement &judgement) {
    (judgement.protocol == L7_UNKNOWN ? counters_.given_up : counters_.judged)++;
    l7_verdict out{};
    out.key = key;
    out.protocol = judgement.protocol;
    out.packet = judgement.packet;
    out.reason = judgement.reason;
    out.op = L7_APPLY_VERDICT;
    out.born = born;
    return out;
}

void Classifier::push_out() {
    const l7_key key = oldest_->judge->key();
    pushed_out_ =
        verdict(key, oldest_->judge->born(), oldest_->judge->give_up(*scanner_, L7_REASON_LIMIT));
    counters_.pushed_out++;
    release(flows_.find(key));
}

bool Classifier::was_decided(const l7_record &head) const {
    const Decided &slot = decided_[slot_of(head.hash)];
    return slot.hash == head.hash && slot.born == head.born && head.born != 0;
}

void Classifier::remember(std::uint32_t hash, std::uint32_t born) {
    decided_[slot_of(hash)] = {hash, born};
}

} // namespace l7
