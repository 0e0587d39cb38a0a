// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/exporter.hpp"

#include <chrono>
#include <pthread.h>

namespace l7 {

namespace {

using namespace std::chrono_literals;

constexpr auto kIdle = 500ms; // how often templates, connections and full disks are looked at
constexpr auto kSoon = 20ms;  // the same while messages wait for the socket
constexpr auto kFarewell = 2s;
constexpr std::size_t kSlice = 512; // records written between two looks at the socket

std::uint64_t now_ms() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

} // namespace

Exporter::Exporter(ExportConfig config) : config_(std::move(config)) {
    if (!config_.json.empty())
        json_.emplace(config_.json);
    if (config_.ipfix)
        collector_.emplace(*config_.ipfix, config_.domain, config_.templates * 1000);
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "l7-export");
}

Exporter::~Exporter() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

bool Exporter::push(FlowRecord record) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= config_.queue) {
            report_.dropped++;
            return false;
        }
        queue_.push_back(std::move(record));
        report_.records++;
    }
    wake_.notify_one();
    return true;
}

void Exporter::reopen() {
    const std::lock_guard lock(mutex_);
    reopen_ = true;
}

ExportReport Exporter::report() const {
    const std::lock_guard lock(mutex_);
    ExportReport out = report_;
    out.waiting = queue_.size();
    return out;
}

void Exporter::run() {
    std::vector<FlowRecord> batch;
    for (;;) {
        if (collector_)
            collector_->pump(now_ms());
        publish();
        bool stop = false;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, collector_ && collector_->waiting() ? kSoon : kIdle,
                           [this] { return stop_ || !queue_.empty(); });
            batch.swap(queue_);
            stop = stop_;
            if (std::exchange(reopen_, false) && json_)
                json_->reopen();
        }
        write(batch);
        batch.clear();
        if (stop)
            return drain();
    }
}

void Exporter::write(const std::vector<FlowRecord> &batch) {
    for (std::size_t at = 0; at < batch.size(); at += kSlice) {
        const std::size_t end = std::min(at + kSlice, batch.size());
        for (std::size_t i = at; i < end; i++) {
            if (json_)
                json_->add(to_json(batch[i]));
            if (collector_)
                collector_->add(batch[i]);
        }
        if (json_)
            if (auto put = json_->flush(mine_.json.records, mine_.json.lost); !put) {
                mine_.json.errors++;
                mine_.last_error = put.error().message;
            }
        if (collector_)
            collector_->pump(now_ms());
        publish();
    }
}

void Exporter::drain() {
    const std::uint64_t until =
        now_ms() + static_cast<std::uint64_t>(
                       std::chrono::duration_cast<std::chrono::milliseconds>(kFarewell).count());
    while (collector_ && collector_->waiting() && now_ms() < until) {
        std::this_thread::sleep_for(kSoon);
        collector_->pump(now_ms());
    }
    publish();
}

void Exporter::publish() {
    if (collector_) {
        if (collector_->counters().errors != mine_.ipfix.errors)
            mine_.last_error = collector_->last_error();
        mine_.ipfix = collector_->counters();
    }
    const std::lock_guard lock(mutex_);
    report_.json = mine_.json;
    report_.ipfix = mine_.ipfix;
    report_.last_error = mine_.last_error;
}

} // namespace l7
