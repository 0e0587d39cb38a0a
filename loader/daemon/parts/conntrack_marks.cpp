// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/conntrack_marks.hpp"

#include "core/base/clock.hpp"
#include "net/conntrack.hpp"

#include <chrono>
#include <optional>

namespace l7 {

namespace {

constexpr std::size_t kQueue = 65536;
// A connection is tracked once its first packet has left the host, which may be after its verdict.
constexpr unsigned kTries = 3;
constexpr std::uint64_t kAgainNs = 50'000'000;

} // namespace

/// The socket, opened when it is first needed.
class ConntrackMarks::Writer {
  public:
    Result<bool> mark(const l7_key &key, std::uint32_t mark, std::uint32_t mask) {
        if (!conntrack_) {
            auto opened = Conntrack::open();
            if (!opened)
                return opened.error();
            conntrack_.emplace(std::move(*opened));
        }
        return conntrack_->mark(key, mark, mask);
    }

  private:
    std::optional<Conntrack> conntrack_;
};

ConntrackMarks::ConntrackMarks(const KernelState &kernel, const CatalogHolder &catalogs)
    : kernel_(kernel), catalogs_(catalogs), thread_([this] { run(); }) {}

ConntrackMarks::~ConntrackMarks() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void ConntrackMarks::use(const Catalog &catalog) {
    {
        const std::lock_guard lock(mutex_);
        wanted_ = walk_ = catalog.config.conntrack.mark;
        if (!wanted_) {
            queue_.clear();
            again_.clear();
        }
    }
    wake_.notify_one();
}

void ConntrackMarks::judged(const l7_verdict &verdict) {
    {
        const std::lock_guard lock(mutex_);
        if (!wanted_)
            return;
        if (queue_.size() >= kQueue) {
            counts_.dropped++;
            return;
        }
        queue_.push_back({verdict});
    }
    wake_.notify_one();
}

std::optional<ConntrackReport> ConntrackMarks::report() const {
    const std::lock_guard lock(mutex_);
    return wanted_ ? std::optional(counts_) : std::nullopt;
}

/// Waits for something to do; false: stop. Either `walk` is set, or `task`.
bool ConntrackMarks::next(Task &task, bool &walk) {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (stop_)
            return false;
        walk = walk_;
        walk_ = false;
        if (walk)
            return true;
        if (!again_.empty() && again_.front().due_ns <= monotonic_ns()) {
            task = again_.front();
            again_.pop_front();
            return true;
        }
        if (!queue_.empty()) {
            task = queue_.front();
            queue_.pop_front();
            return true;
        }
        if (again_.empty())
            wake_.wait(lock);
        else
            wake_.wait_for(lock, std::chrono::nanoseconds(kAgainNs));
    }
}

void ConntrackMarks::run() {
    Writer writer;
    Task task;
    bool all = false;

    while (next(task, all)) {
        const auto catalog = catalogs_.get();
        if (!all) {
            write(writer, *catalog, task);
        } else if (auto walked = walk(writer, *catalog); !walked) {
            const std::lock_guard lock(mutex_);
            counts_.last_error = walked.error().message;
        }
    }
}

/// Marks the connections of all live flows, until another catalog asks for the same.
Result<void> ConntrackMarks::walk(Writer &writer, const Catalog &catalog) {
    return kernel_.flows().walk(FlowTables::Table::Flows, [&](const l7_flow_entry &entry) {
        l7_verdict verdict{};
        verdict.key = entry.key;
        verdict.protocol = entry.flow.protocol;
        verdict.application = entry.flow.application;
        verdict.host = entry.flow.host;
        write(writer, catalog, {verdict, kTries});
        const std::lock_guard lock(mutex_);
        return !stop_ && !walk_;
    });
}

void ConntrackMarks::write(Writer &writer, const Catalog &catalog, Task task) {
    l7_flow flow{};
    flow.protocol = task.verdict.protocol;
    flow.application = task.verdict.application;
    const auto rule = catalog.rules->lasting(task.verdict.key, flow,
                                             catalog.knowledge.hosts->name(task.verdict.host));
    const std::uint32_t ours = catalog.config.conntrack.mask;
    if (!rule || !(rule->outcome & L7_O_MARK))
        return;
    const std::uint32_t mask = rule->mark_mask & ours;
    const auto done = writer.mark(task.verdict.key, rule->mark & mask, mask);
    const std::lock_guard lock(mutex_);
    if (!done) {
        counts_.failed++;
        counts_.last_error = done.error().message;
    } else if (*done) {
        counts_.marked++;
    } else if (++task.tries < kTries && again_.size() < kQueue) {
        task.due_ns = monotonic_ns() + kAgainNs;
        again_.push_back(task);
    } else {
        counts_.untracked++;
    }
}

} // namespace l7
