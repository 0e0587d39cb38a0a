// SPDX-License-Identifier: GPL-2.0-or-later
// The metrics of a daemon: the text for Prometheus, the page, and what they are made from.
//
// Threads: everything may be called from any. One snapshot is read at a time, so that many clients
// cost no more than one; hosts guard themselves, for their walk may take a second.
#pragma once

#include "core/base/result.hpp"
#include "core/policy/config.hpp"
#include "metrics/class_rates.hpp"
#include "metrics/history.hpp"
#include "metrics/http_server.hpp"
#include "metrics/series.hpp"
#include "metrics/snapshot.hpp"
#include "metrics/steady_rest.hpp"
#include "metrics/top_hosts.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace l7 {

class MetricsServer {
  public:
    using Source = std::function<Result<MetricsSnapshot>()>;

    MetricsServer(Source source, TopHosts::Source hosts, const MetricsConfig &config);

    /// Listens as the configuration says, or not; what listened before stays when nothing changed.
    Result<void> configure(const MetricsConfig &config);

    /// Ends all service over HTTP, and waits for what is at hand.
    void stop();

    /// Call every second or so: takes a sample when one is due, and listens where that failed
    /// before.
    void tick();

    /// One scrape.
    Result<std::string> scrape();

  private:
    HttpAnswer answer(const HttpRequest &request);
    Result<void> listen();
    Result<std::string> history(const HttpRequest &request);
    Result<std::string> classes();
    Result<std::string> hosts(const HttpRequest &request);
    Result<std::string> health();
    Result<MetricsSnapshot> read();

    const Source source_;
    TopHosts hosts_;

    std::mutex serving_; // before mutex_
    MetricsConfig config_;
    std::unique_ptr<HttpServer> server_; // guarded by serving_

    std::mutex mutex_;
    BoundedTraffic protocols_, applications_; // guarded by mutex_
    History by_protocol_, by_application_;    // guarded by mutex_
    ClassRates class_rates_;                  // guarded by mutex_
    SteadyRest rest_;                         // guarded by mutex_
    std::uint64_t next_ms_ = 0;               // guarded by mutex_
    HttpCounters http_;
};

} // namespace l7
