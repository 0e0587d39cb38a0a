// SPDX-License-Identifier: GPL-2.0-or-later
// One thread that reads a ring, judges flows and writes verdicts. Workers share nothing but the
// compiled patterns.
#pragma once

#include "core/base/fd.hpp"
#include "core/flow/classifier.hpp"
#include "core/report/reports.hpp"
#include "kernel/state.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace l7 {

class Worker {
  public:
    /// Told of each verdict that is in force, in the worker's thread.
    using Judged = std::function<void(const l7_verdict &)>;
    /// Told of each record, the same.
    using Met = std::function<void(const l7_record &)>;

    static Result<std::unique_ptr<Worker>> start(KernelState &state, unsigned index,
                                                 const ClassifierLimits &limits,
                                                 Knowledge knowledge, Judged judged, Met met = {});

    /// Stops the thread after it has finished the batch at hand.
    ~Worker();
    Worker(const Worker &) = delete;
    Worker &operator=(const Worker &) = delete;

    /// From any thread: judge with this from the next record on.
    void use(Knowledge knowledge);

    /// From any thread; at most a second old.
    WorkerReport report() const;

  private:
    Worker(KernelState &state, WorkerPort port, const ClassifierLimits &limits, Knowledge knowledge,
           Judged judged, Met met);

    void run();
    void adopt_knowledge();
    bool drain();
    bool take(Bytes record, std::uint64_t now_ns);
    void add(const l7_verdict &verdict, std::uint64_t seen_ns);
    void flush();
    void queue_retirements(std::uint64_t now_ns);
    void sweep(std::uint64_t now_ns);
    void wait();
    void publish();

    struct Retirement {
        std::uint64_t due_ns;
        l7_verdict verdict;
    };

    KernelState &state_;
    WorkerPort port_;
    Classifier classifier_;
    const Judged judged_;
    const Met met_;
    Fd epoll_, poke_;
    std::array<std::uint64_t, L7_BATCH_MAX>
        seen_ns_{}; // of the batch's verdicts; 0: not a packet's
    std::deque<Retirement> retirements_;
    std::vector<l7_verdict> swept_;
    std::uint64_t next_sweep_ns_ = 0;
    std::uint64_t next_publish_ns_ = 0;
    WorkerReport counts_;

    mutable std::mutex mutex_;
    Knowledge offered_; // guarded by mutex_
    WorkerReport published_;
    std::atomic<bool> stop_{false};
    std::atomic<bool> offer_{false};
    std::thread thread_;
};

std::vector<WorkerReport> reports_of(const std::vector<std::unique_ptr<Worker>> &workers);

} // namespace l7
