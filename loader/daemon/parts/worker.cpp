// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/worker.hpp"

#include "core/base/clock.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace l7 {

namespace {

// After this long every CPU that found a flow's old entry has left it (the programs run for
// microseconds).
constexpr std::uint64_t kRetireNs = 20'000'000;
constexpr std::uint64_t kSweepNs = 100'000'000;
constexpr std::uint64_t kPublishNs = 250'000'000;
constexpr std::size_t kSweepMost = 4096;
constexpr int kIdleMs = 250;
constexpr int kRetireMs = 20;

} // namespace

Worker::Worker(KernelState &state, WorkerPort port, const ClassifierLimits &limits,
               Knowledge knowledge, Judged judged, Met met)
    : state_(state), port_(std::move(port)), classifier_(limits), judged_(std::move(judged)),
      met_(std::move(met)) {
    classifier_.use(std::move(knowledge));
    counts_.ring_size = port_.ring.size();
    port_.batch->count = 0; // what a killed process left: its records are still in the ring
}

Result<std::unique_ptr<Worker>> Worker::start(KernelState &state, unsigned index,
                                              const ClassifierLimits &limits, Knowledge knowledge,
                                              Judged judged, Met met) {
    auto port = state.open_port(index);
    if (!port)
        return port.error();
    std::unique_ptr<Worker> worker(new Worker(state, std::move(*port), limits, std::move(knowledge),
                                              std::move(judged), std::move(met)));
    worker->epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
    worker->poke_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = 0;
    if (!worker->epoll_ || !worker->poke_ ||
        epoll_ctl(worker->epoll_.get(), EPOLL_CTL_ADD, worker->port_.ring.fd(), &event) != 0)
        return Error{std::string("waiting on a ring buffer: ") + std::strerror(errno)};
    event.data.u32 = 1;
    if (epoll_ctl(worker->epoll_.get(), EPOLL_CTL_ADD, worker->poke_.get(), &event) != 0)
        return Error{std::string("waiting on an event: ") + std::strerror(errno)};
    worker->thread_ = std::thread([it = worker.get()] { it->run(); });
    return worker;
}

Worker::~Worker() {
    stop_ = true;
    if (thread_.joinable()) {
        eventfd_write(poke_.get(), 1);
        thread_.join();
    }
}

void Worker::use(Knowledge knowledge) {
    {
        const std::lock_guard lock(mutex_);
        offered_ = std::move(knowledge);
    }
    offer_ = true;
    eventfd_write(poke_.get(), 1);
}

WorkerReport Worker::report() const {
    const std::lock_guard lock(mutex_);
    return published_;
}

void Worker::run() {
    __atomic_store_n(&port_.flag->awake, 1U, __ATOMIC_SEQ_CST);
    while (!stop_) {
        if (offer_.exchange(false))
            adopt_knowledge();
        const bool busy = drain();
        const std::uint64_t time = monotonic_ns();
        queue_retirements(time);
        if (time >= next_sweep_ns_)
            sweep(time);
        flush();
        if (time >= next_publish_ns_)
            publish();
        if (!busy)
            wait();
    }
    __atomic_store_n(&port_.flag->awake, 0U, __ATOMIC_SEQ_CST);
}

void Worker::adopt_knowledge() {
    Knowledge knowledge;
    {
        const std::lock_guard lock(mutex_);
        knowledge = std::exchange(offered_, {});
    }
    if (knowledge.database)
        classifier_.use(std::move(knowledge));
}

/// Judges what is in the ring, a batch at a time. Returns whether there was anything.
bool Worker::drain() {
    bool any = false;
    const std::uint64_t time = monotonic_ns();

    for (Bytes record = port_.ring.next(); !record.empty(); record = port_.ring.next()) {
        any = true;
        if (!take(record, time))
            counts_.bad_records++;
        if (port_.batch->count >= L7_BATCH_MAX - 1)
            break; // written before more is read, so that verdicts do not wait
    }
    // The records' room is given back only when their verdicts are in force.
    flush();
    if (any)
        port_.ring.commit();
    return any;
}

bool Worker::take(Bytes record, std::uint64_t now_ns) {
    l7_record head;

    if (record.size() < sizeof(head))
        return false;
    std::memcpy(&head, record.data(), sizeof(head));
    if (head.size > record.size() - sizeof(head) || head.direction > 1 ||
        head.kind >= L7_RECORD_KINDS)
        return false;
    const Sample sample{head, record.subspan(sizeof(head), head.size)};
    if (met_)
        met_(head);
    if (const auto verdict = classifier_.take(sample, now_ns))
        add(*verdict, head.time_ns);
    if (const auto verdict = classifier_.take_pushed_out())
        add(*verdict, 0);
    return true;
}

void Worker::add(const l7_verdict &verdict, std::uint64_t seen_ns) {
    if (port_.batch->count >= L7_BATCH_MAX)
        flush();
    seen_ns_[port_.batch->count] = seen_ns;
    port_.batch->verdicts[port_.batch->count++] = verdict;
}

void Worker::flush() {
    l7_batch &batch = *port_.batch;

    if (batch.count == 0)
        return;
    if (const auto applied = state_.apply(port_.index); !applied)
        counts_.apply_failures++;
    const std::uint64_t time = monotonic_ns();
    counts_.batches++;
    for (std::uint32_t i = 0; i < batch.count; i++) {
        const l7_verdict &verdict = batch.verdicts[i];
        if (verdict.op == L7_APPLY_VERDICT || verdict.op == L7_APPLY_UPDATE ||
            verdict.op == L7_APPLY_TOLD)
            judged_(verdict);
        if (verdict.op != L7_APPLY_VERDICT)
            continue;
        counts_.verdicts++;
        if (verdict.protocol != L7_UNKNOWN) {
            retirements_.push_back({time + kRetireNs, verdict});
            retirements_.back().verdict.op = L7_APPLY_RETIRE;
        }
        if (seen_ns_[i] != 0) {
            counts_.latency.add(time > seen_ns_[i] ? (time - seen_ns_[i]) / 1000 : 0);
        }
    }
    batch.count = 0;
}

void Worker::queue_retirements(std::uint64_t now_ns) {
    while (!retirements_.empty() && retirements_.front().due_ns <= now_ns) {
        add(retirements_.front().verdict, 0);
        retirements_.pop_front();
    }
}

void Worker::sweep(std::uint64_t now_ns) {
    next_sweep_ns_ = now_ns + kSweepNs;
    classifier_.sweep(now_ns, kSweepMost, swept_);
    for (const l7_verdict &verdict : swept_)
        add(verdict, 0);
    swept_.clear();
}

void Worker::wait() {
    // From here on producers wake us; what came before that is seen by the second look. See
    // bpf/ring.h.
    __atomic_store_n(&port_.flag->awake, 0U, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (port_.ring.waiting() == 0 && !stop_) {
        epoll_event events[2];
        const int limit = retirements_.empty() ? kIdleMs : kRetireMs;
        const int count = epoll_wait(epoll_.get(), events, 2, limit);
        counts_.wakeups++;
        for (int i = 0; i < count; i++)
            if (events[i].data.u32 == 1) {
                eventfd_t value;
                eventfd_read(poke_.get(), &value);
            }
    } else {
        sched_yield(); // a record that is being filled at this moment
    }
    __atomic_store_n(&port_.flag->awake, 1U, __ATOMIC_SEQ_CST);
}

void Worker::publish() {
    next_publish_ns_ = monotonic_ns() + kPublishNs;
    counts_.classifier = classifier_.counters();
    counts_.listener = counts_.classifier.listener;
    counts_.scan = classifier_.scan_time();
    counts_.undecided = classifier_.flows();
    counts_.memory = classifier_.memory();
    counts_.ring_waiting = port_.ring.waiting();
    const std::lock_guard lock(mutex_);
    published_ = counts_;
}

std::vector<WorkerReport> reports_of(const std::vector<std::unique_ptr<Worker>> &workers) {
    std::vector<WorkerReport> out(workers.size());
    std::ranges::transform(workers, out.begin(), &Worker::report,
                           [](const auto &worker) -> const Worker & { return *worker; });
    return out;
}

} // namespace l7
