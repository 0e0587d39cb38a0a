// SPDX-License-Identifier: GPL-2.0-or-later
// The flows one worker is judging.
#pragma once

#include "core/base/key.hpp"
#include "core/flow/classifier_counters.hpp"
#include "core/flow/follower.hpp"
#include "core/flow/judge.hpp"
#include "core/flow/knowledge.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace l7 {

struct ClassifierLimits {
    JudgeLimits judge;
    std::size_t flows = 16384;                       ///< undecided at once; the oldest leaves
    std::uint64_t candidate_idle_ns = 2'000'000'000; ///< silence after which a weak match counts
    std::uint64_t idle_ns = 30'000'000'000;          ///< silence after which a flow is unknown
};

/// Bounded whatever comes in. One thread; holds memory for undecided flows only.
class Classifier {
  public:
    explicit Classifier(ClassifierLimits limits = {});

    /// What to judge by from now on. Flows under judgement are looked at anew with their next
    /// sample, TCP from its first byte.
    void use(Knowledge knowledge);

    /// Takes a sample; returns the verdict it led to, if any. now_ns: any monotonic clock.
    std::optional<l7_verdict> take(const Sample &sample, std::uint64_t now_ns);

    /// Verdicts on flows that have been silent for long enough, at most `most`; call now and then.
    void sweep(std::uint64_t now_ns, std::size_t most, std::vector<l7_verdict> &out);

    /// Verdicts on all flows: there will be no more samples.
    void finish(std::uint64_t now_ns, std::vector<l7_verdict> &out);

    /// A flow pushed out to make room since the last call, as a verdict.
    std::optional<l7_verdict> take_pushed_out();

    ClassifierCounters counters() const;
    ScanTime scan_time() const {
        return {scanned_.scans + scanner_->time().scans, scanned_.ns + scanner_->time().ns};
    }
    std::size_t flows() const { return flows_.size(); }
    std::size_t memory() const;
    const Database &database() const { return scanner_->database(); }

  private:
    struct Entry;
    struct Decided {
        std::uint32_t hash;
        std::uint32_t born;
        std::uint16_t protocol; ///< where its messages are still of interest; else 0
    };
    struct Entry {
        std::unique_ptr<Judge> judge;
        std::uint64_t last_ns = 0;
        Entry *older = nullptr; // by last sample
        Entry *newer = nullptr;
    };
    using Flows = std::unordered_map<l7_key, Entry, KeyHash, KeyEqual>;

    void unlink(Entry &entry);
    void link_newest(Entry &entry);
    std::unique_ptr<Judge> spare();
    void release(Flows::iterator at);
    l7_verdict verdict(const Judge &judge, const Judgement &judgement, std::uint64_t now_ns);
    l7_verdict given_up(const Judge &judge, std::uint64_t now_ns,
                        std::uint8_t limit_reason = L7_REASON_NONE);
    void name(l7_verdict &verdict, const Facts &facts, std::uint64_t now_ns);
    void remember_server(l7_verdict &verdict, unsigned server, std::uint64_t now_ns);
    std::optional<l7_verdict> follow(const Sample &sample, std::uint16_t protocol,
                                     std::uint64_t now_ns);
    std::optional<l7_verdict> judge(const Sample &sample, std::uint64_t now_ns);
    std::optional<l7_verdict> child(const l7_record &head, std::uint64_t now_ns);
    Follower *follower_of(std::uint16_t protocol) const;
    std::optional<l7_verdict> after(const Sample &sample, Interest interest);
    std::uint8_t begin_following(const l7_verdict &verdict, const Judge &judge,
                                 const Sample &sample, std::uint64_t now_ns);
    void push_out(std::uint64_t now_ns);
    const Decided *decided(const l7_record &head) const;
    void remember(std::uint32_t hash, std::uint32_t born, std::uint16_t protocol);

    ClassifierLimits limits_;
    Knowledge knowledge_;
    std::unique_ptr<Scanner> scanner_;
    ScanTime scanned_; ///< of scanners before
    std::vector<std::unique_ptr<Follower>> followers_;
    std::vector<Follower *> follower_of_; ///< by protocol number; null: such flows are not followed
    Flows flows_;
    Entry *oldest_ = nullptr;
    Entry *newest_ = nullptr;
    std::unique_ptr<Judge>
        at_hand_; // judges flows that one sample decides, without a place in the table
    std::vector<std::unique_ptr<Judge>> spares_;
    std::vector<Decided>
        decided_; // direct-mapped by hash: samples that were on their way when the verdict fell
    std::optional<l7_verdict> pushed_out_;
    ClassifierCounters counters_;
};

} // namespace l7
