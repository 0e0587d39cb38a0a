// SPDX-License-Identifier: GPL-2.0-or-later
// The resident process: kernel state, workers, devices and the control socket, wired together.
//
// Threads: run() belongs to the main thread; workers have theirs; each control connection has one.
// What commands change (catalog, workers' knowledge) is guarded by mutex_; devices guard
// themselves.
#pragma once

#include "daemon/catalog.hpp"
#include "daemon/conntrack_marks.hpp"
#include "daemon/devices.hpp"
#include "daemon/flow_export.hpp"
#include "daemon/flow_sync.hpp"
#include "daemon/options.hpp"
#include "daemon/pickup.hpp"
#include "daemon/replica_table.hpp"
#include "daemon/server.hpp"
#include "daemon/service_manager.hpp"
#include "daemon/translator.hpp"
#include "daemon/worker.hpp"
#include "kernel/state.hpp"
#include "metrics/metrics_server.hpp"
#include "net/links.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

class Daemon {
  public:
    /// Brings everything up. Nothing is attached yet but what an earlier process left.
    static Result<std::unique_ptr<Daemon>> start(const Instance &instance, bool discard_state);

    ~Daemon();

    /// Serves until SIGTERM or SIGINT; SIGHUP reloads. Programs stay on their devices.
    Result<void> run();

    // What the commands are made of.
    Devices &devices() { return *devices_; }
    FlowExport &flow_export() { return *export_; }
    const FlowExport &flow_export() const { return *export_; }
    const KernelState &kernel() const { return *kernel_; }
    const Instance &instance() const { return instance_; }
    std::shared_ptr<const Catalog> catalog() const;
    std::vector<WorkerReport> workers() const;
    const ServerCounters &server_counters() const { return server_->counters(); }
    Result<void> reload();
    void rule_devices();
    void set_bypass(bool on) { kernel_->set_bypass(on); }
    void request_stop();
    bool adopted() const { return adopted_; }
    std::uint64_t ended_flows() const { return ended_flows_; }
    std::vector<std::string> notes() const;
    MetricsServer &metrics() { return *metrics_; }
    const ConntrackMarks &conntrack() const { return *conntrack_; }
    const Pickup &pickup() const { return *pickup_; }
    ReplicaTable &replicas() { return *replicas_; }
    /// Null where nothing is replicated.
    std::shared_ptr<Replication> sync() const { return sync_->get(); }

  private:
    explicit Daemon(Instance instance) : instance_(std::move(instance)) {}
    Result<void> open(bool discard_state);
    Result<void> read_again();
    void give_memory(Catalog &catalog, const Knowledge *before);
    Result<void> store_names(const Knowledge &knowledge) const;
    Result<void> set_rules(const Catalog &catalog);
    void attach_configured();
    void tick();
    void judged(const l7_verdict &verdict);
    void expected(const ExpectationEntry &entry, bool alive);
    void serve_metrics(const MetricsConfig &config);
    void note(std::string line);

    Instance instance_;
    const ServiceManager manager_ = ServiceManager::from_environment();
    bool adopted_ = false;
    std::unique_ptr<KernelState> kernel_;
    std::unique_ptr<Devices> devices_;
    std::unique_ptr<FlowExport> export_;
    Translator translator_;                     // as does this
    std::unique_ptr<ReplicaTable> replicas_;    // and this
    std::unique_ptr<FlowSync> sync_;            // and this
    std::unique_ptr<Pickup> pickup_;            // and this
    std::unique_ptr<ConntrackMarks> conntrack_; // outlives the workers, who use it
    std::vector<std::unique_ptr<Worker>> workers_;
    std::optional<LinkMonitor> links_;
    std::optional<Server> server_;
    std::unique_ptr<MetricsServer> metrics_;
    Fd stop_;
    std::atomic<std::uint64_t> ended_flows_{0};
    unsigned ticks_ = 0;

    mutable std::mutex mutex_;
    std::shared_ptr<const Catalog> catalog_; // guarded by mutex_
    std::vector<std::string> notes_;         // guarded by mutex_; the last few things that happened
    std::mutex reloading_;
    std::vector<std::string> ruled_devices_; // by slot, as the rules in force know them
};

} // namespace l7
