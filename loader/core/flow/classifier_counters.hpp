// SPDX-License-Identifier: GPL-2.0-or-later
// What one worker's classifier has done.
#pragma once

#include "core/base/fields.hpp"
#include "core/expect/listener.hpp"

#include <cstdint>

namespace l7 {

struct ClassifierCounters {
    std::uint64_t samples = 0;
    std::uint64_t stale_samples = 0; ///< of a flow decided a moment before
    std::uint64_t judged = 0;
    std::uint64_t given_up = 0;
    std::uint64_t pushed_out = 0; ///< undecided flows that left for newer ones
    std::uint64_t followed = 0;   ///< samples of flows that had their verdict
    std::uint64_t hinted = 0;     ///< applications known from DNS answers
    std::uint64_t remembered = 0; ///< flows named by what others to their server were
    std::uint64_t peers = 0;      ///< that trackers and the hash table named, of torrents
    ListenerCounters listener;

    static void fields(const auto &visit, auto &of) {
        constexpr Metric kLearnt{"l7ctl_worker_learnt_flows_total",
                                 "Flows that were named by what was learnt from others.", "source"};
        constexpr Metric kJudged{
            "l7ctl_worker_judged_flows_total",
            "Flows that left a worker: with a verdict, given up as unknown, or "
            "pushed out for newer ones.",
            "result"};
        visit("samples", of.samples, {"l7ctl_worker_samples_total", "Records a worker looked at."});
        visit("stale_samples", of.stale_samples);
        visit("judged", of.judged, kJudged);
        visit("given_up", of.given_up, kJudged);
        visit("pushed_out", of.pushed_out, kJudged);
        visit("followed", of.followed);
        visit("hinted", of.hinted, kLearnt.as("dns"));
        visit("remembered", of.remembered, kLearnt.as("server"));
        visit("peers", of.peers);
    }
};

} // namespace l7
