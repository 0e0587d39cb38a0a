// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/classifier.hpp"

#include <algorithm>
#include <cstring>

namespace l7 {

namespace {
constexpr std::size_t kSpares = 256;
constexpr std::size_t kDecided = 1 << 14;

/// The low bits of the hash chose the worker and are the same for all its flows.
constexpr std::size_t slot_of(std::uint32_t hash) {
    return (hash >> 6) % kDecided;
}
l7_endpoint endpoint_of(const l7_key &key, unsigned end) {
    l7_endpoint out{};
    std::memcpy(out.addr, key.addr[end], sizeof(out.addr));
    out.port = key.port[end];
    out.l4 = key.l4;
    return out;
}

l7_verdict unfollow(const l7_record &head) {
    l7_verdict out{};
    out.key = head.key;
    out.born = head.born;
    out.op = L7_APPLY_UNFOLLOW;
    return out;
}

} // namespace

Classifier::Classifier(ClassifierLimits limits)
    : limits_(limits), followers_(make_followers()), at_hand_(std::make_unique<Judge>()),
      decided_(kDecided) {}

void Classifier::use(Knowledge knowledge) {
    knowledge_ = std::move(knowledge);
    limits_.judge.only_patterns = knowledge_.only_patterns;
    limits_.judge.loose = knowledge_.loose;
    limits_.judge.details = knowledge_.journal != nullptr;
    if (scanner_)
        scanned_ = scan_time();
    scanner_ = std::make_unique<Scanner>(knowledge_.database);
    for (const auto &follower : followers_)
        follower->use(knowledge_);
    follower_of_.assign(knowledge_.protocols->end(), nullptr);
    for (std::uint16_t number = L7_PROTOCOL_FIRST; number < knowledge_.protocols->end(); number++)
        for (const auto &follower : followers_)
            if (follower->follows(knowledge_.protocols->name(number)))
                follower_of_[number] = follower.get();
    for (Entry *entry = oldest_; entry; entry = entry->newer)
        entry->judge->start_over();
}

std::optional<l7_verdict> Classifier::take(const Sample &sample, std::uint64_t now_ns) {
    const l7_record &head = sample.head;

    counters_.samples++;
    if (head.kind == L7_RECORD_EXPECTED && head.protocol > L7_UNKNOWN)
        return child(head, now_ns);
    const auto knows = [&](const auto &one) { return one->knows(head.key, head.born); };
    const auto follower = std::ranges::find_if(followers_, knows);
    if (follower == followers_.end())
        return judge(sample, now_ns);
    // It may be under judgement still.
    const auto out = after(sample, (*follower)->hear(sample, head.protocol, now_ns));
    return flows_.contains(head.key) ? judge(sample, now_ns) : out;
}

std::optional<l7_verdict> Classifier::judge(const Sample &sample, std::uint64_t now_ns) {
    const l7_record &head = sample.head;

    auto at = flows_.find(head.key);
    if (at != flows_.end() && at->second.judge->born() != head.born) {
        release(at); // a new connection on old ports
        at = flows_.end();
    }
    if (at == flows_.end()) {
        // Its verdict fell a moment before, or is in force; provisional ones are judged.
        const Decided *known = decided(head);
        if (known || head.protocol > L7_UNKNOWN)
            return follow(sample, known ? known->protocol : head.protocol, now_ns);
    }
    Judge &judge = at == flows_.end() ? *at_hand_ : *at->second.judge;
    if (at == flows_.end())
        judge.begin(sample);
    const auto judgement = judge.take(sample, *scanner_, *knowledge_.protocols, limits_.judge);
    if (judgement && !judgement->follow) {
        l7_verdict out = verdict(judge, *judgement, now_ns);
        out.flags |= begin_following(out, judge, sample, now_ns);
        remember(head.hash, head.born, out.flags & L7_V_FOLLOW ? out.protocol : 0);
        if (at != flows_.end())
            release(at);
        return out;
    }
    std::optional<l7_verdict> out;
    if (judgement) {
        out = verdict(judge, *judgement, now_ns);
        out->flags |= begin_following(*out, judge, sample, now_ns);
    }
    if (at == flows_.end()) {
        if (flows_.size() >= limits_.flows)
            push_out(now_ns);
        at = flows_.try_emplace(head.key).first;
        at->second.judge = std::move(at_hand_);
        at_hand_ = spare();
    } else {
        unlink(at->second);
    }
    at->second.last_ns = now_ns;
    link_newest(at->second);
    return out;
}

/// A sample of a flow that has its verdict and no judge here.
std::optional<l7_verdict> Classifier::follow(const Sample &sample, std::uint16_t protocol,
                                             std::uint64_t now_ns) {
    Follower *const follower = follower_of(protocol);
    return after(sample, follower ? follower->hear(sample, protocol, now_ns) : Interest::NotMine);
}

/// Whether the flow is to be sampled no more. Of one that nobody follows, as after a restart, what
/// came before is missing, so what comes now is of no use.
std::optional<l7_verdict> Classifier::after(const Sample &sample, Interest interest) {
    const l7_record &head = sample.head;

    (interest == Interest::NotMine ? counters_.stale_samples : counters_.followed)++;
    if (interest == Interest::More ||
        (interest == Interest::NotMine && head.protocol <= L7_UNKNOWN))
        return std::nullopt;
    return unfollow(head);
}

Follower *Classifier::follower_of(std::uint16_t protocol) const {
    return protocol < follower_of_.size() ? follower_of_[protocol] : nullptr;
}

/// Returns what is wanted of the flow beyond what its verdict asks for: L7_V_.
std::uint8_t Classifier::begin_following(const l7_verdict &verdict, const Judge &judge,
                                         const Sample &sample, std::uint64_t now_ns) {
    Follower *const follower = follower_of(verdict.protocol);
    if (!follower)
        return 0;
    std::array<Bytes, 2> said{judge.stream(0), judge.stream(1)};
    if (transport_of(verdict.key.l4) != Transport::Tcp)
        said[sample.head.direction & 1] = sample.data;
    return follower->begin({verdict, judge.initiator(), said}, now_ns);
}

/// A flow that was announced has begun, with its verdict.
std::optional<l7_verdict> Classifier::child(const l7_record &head, std::uint64_t now_ns) {
    l7_verdict out{};

    out.key = head.key;
    out.born = head.born;
    out.protocol = head.protocol;
    out.packet = 1;
    out.reason = L7_REASON_EXPECTED;
    out.op = L7_APPLY_TOLD;
    if (const auto met =
            knowledge_.expectations ? knowledge_.expectations->met(head.offset) : std::nullopt) {
        out.application = met->verdict.application;
        out.host = met->verdict.host;
        out.attributes = met->verdict.attributes;
    }
    if (Follower *const follower = follower_of(out.protocol))
        follower->begin({out, head.flags & L7_R_INITIATOR_1 ? 1U : 0U, {}}, now_ns);
    return out;
}

void Classifier::sweep(std::uint64_t now_ns, std::size_t most, std::vector<l7_verdict> &out) {
    for (Entry *entry = oldest_; entry && most > 0; most--) {
        Entry *next = entry->newer;
        const std::uint64_t idle = now_ns - entry->last_ns;
        if (idle < limits_.candidate_idle_ns)
            break;
        if (entry->judge->has_candidate() || idle >= limits_.idle_ns) {
            const l7_key key = entry->judge->key();
            remember(l7_key_hash(&key), entry->judge->born(), 0);
            out.push_back(given_up(*entry->judge, now_ns));
            release(flows_.find(key));
        }
        entry = next;
    }
}

void Classifier::finish(std::uint64_t now_ns, std::vector<l7_verdict> &out) {
    for (Entry *entry = oldest_; entry; entry = entry->newer)
        out.push_back(given_up(*entry->judge, now_ns));
    flows_.clear();
    oldest_ = newest_ = nullptr;
}

std::optional<l7_verdict> Classifier::take_pushed_out() {
    return std::exchange(pushed_out_, std::nullopt);
}

ClassifierCounters Classifier::counters() const {
    ClassifierCounters out = counters_;
    for (const auto &follower : followers_)
        follower->count(out);
    return out;
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

l7_verdict Classifier::verdict(const Judge &judge, const Judgement &judgement,
                               std::uint64_t now_ns) {
    l7_verdict out{};

    out.key = judge.key();
    out.protocol = judgement.protocol;
    out.packet = judgement.packet;
    out.sample = judgement.payloads;
    out.reason = judgement.reason;
    out.op = judgement.update ? L7_APPLY_UPDATE : L7_APPLY_VERDICT;
    out.born = judge.born();
    if (judgement.facts)
        name(out, *judgement.facts, now_ns);
    if (out.application == 0 && knowledge_.applications)
        out.application = knowledge_.applications->of_protocol(out.protocol);
    if (judgement.follow)
        out.flags = L7_V_FOLLOW;
    else if (limits_.judge.loose || out.reason != L7_REASON_MIDSTREAM)
        remember_server(out, judge.initiator() ^ 1, now_ns);
    if (const Follower *const follower = follower_of(out.protocol))
        out.flags |= follower->wants(out);
    if (knowledge_.journal && !judgement.follow)
        knowledge_.journal->add({out, judge.trace(),
                                 judgement.facts ? judgement.facts->details : Details{},
                                 knowledge_.database});
    if (!judgement.update)
        (out.protocol == L7_UNKNOWN ? counters_.given_up : counters_.judged)++;
    return out;
}

/// The host name and its application; what else the facts say is learnt.
void Classifier::name(l7_verdict &verdict, const Facts &facts, std::uint64_t now_ns) {
    verdict.attributes = facts.attributes;
    knowledge_.name(verdict, facts);
    for (const auto &follower : followers_)
        follower->learn(verdict, facts, now_ns);
}

/// What is not known from a flow's own bytes may be known of its server.
void Classifier::remember_server(l7_verdict &verdict, unsigned server, std::uint64_t now_ns) {
    const bool own = verdict.protocol != L7_UNKNOWN;

    if (verdict.application == 0 && knowledge_.hints) {
        DnsHints::Address address;
        std::memcpy(address.data(), verdict.key.addr[server], sizeof(address));
        if (const auto hint = knowledge_.hints->find(address, now_ns); hint && hint->application) {
            verdict.application = hint->application;
            verdict.attributes |= L7_A_HINTED;
            if (verdict.host == 0)
                verdict.host = hint->host;
            if (!own)
                verdict.reason = L7_REASON_DNS_HINT;
            counters_.hinted++;
        }
    }
    if (!knowledge_.endpoints || verdict.key.port[server] == 0)
        return;
    const l7_endpoint endpoint = endpoint_of(verdict.key, server);
    if (own) {
        const Follower *const follower = follower_of(verdict.protocol);
        const bool others = follower && follower->asks_about_others();
        knowledge_.endpoints->learn(
            endpoint, {verdict.protocol, others ? std::uint16_t{0} : verdict.application}, now_ns);
    } else if (const auto known = knowledge_.endpoints->find(endpoint, now_ns)) {
        verdict.protocol = known->protocol;
        verdict.application = known->application;
        verdict.reason = L7_REASON_ENDPOINT;
        counters_.remembered++;
    }
}

l7_verdict Classifier::given_up(const Judge &judge, std::uint64_t now_ns,
                                std::uint8_t limit_reason) {
    return verdict(judge, judge.give_up(*scanner_, *knowledge_.protocols, limit_reason), now_ns);
}

void Classifier::push_out(std::uint64_t now_ns) {
    const l7_key key = oldest_->judge->key();
    pushed_out_ = given_up(*oldest_->judge, now_ns, L7_REASON_LIMIT);
    counters_.pushed_out++;
    release(flows_.find(key));
}

const Classifier::Decided *Classifier::decided(const l7_record &head) const {
    const Decided &slot = decided_[slot_of(head.hash)];
    return slot.hash == head.hash && slot.born == head.born && head.born != 0 ? &slot : nullptr;
}

void Classifier::remember(std::uint32_t hash, std::uint32_t born, std::uint16_t protocol) {
    decided_[slot_of(hash)] = {hash, born, protocol};
}

} // namespace l7
