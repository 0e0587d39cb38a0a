// SPDX-License-Identifier: GPL-2.0-or-later
// Flow records on their way out: a bounded queue, and one thread that empties it into a file and to
// a collector.
//
// Threads: push, reopen and report may be called from any; they never wait for a disk or a network.
#pragma once

#include "core/policy/export_config.hpp"
#include "core/report/flow_record.hpp"
#include "export/collector.hpp"
#include "export/json_lines.hpp"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace l7 {

class Exporter {
  public:
    explicit Exporter(ExportConfig config);

    /// Writes what is in the queue; a collector has two more seconds to take it.
    ~Exporter();
    Exporter(const Exporter &) = delete;
    Exporter &operator=(const Exporter &) = delete;

    /// False, and counted, where the queue is full.
    bool push(FlowRecord record);

    /// The file was moved: the next line goes to a new one.
    void reopen();

    const ExportConfig &config() const { return config_; }
    ExportReport report() const;

  private:
    void run();
    void write(const std::vector<FlowRecord> &batch);
    void drain();
    void publish();

    const ExportConfig config_;

    // The thread's own.
    std::optional<JsonLines> json_;
    std::optional<Collector> collector_;
    ExportReport mine_;

    mutable std::mutex mutex_; // guards what follows; held for moments only
    std::condition_variable wake_;
    std::vector<FlowRecord> queue_;
    ExportReport report_;
    bool reopen_ = false;
    bool stop_ = false;

    std::thread thread_; // last: it uses the rest
};

} // namespace l7
