// SPDX-License-Identifier: GPL-2.0-or-later
// The hosts with most traffic, for the page. To know them all flows are walked, so it is done only
// when somebody asks, by one thread at a time, and the answer holds for a while.
//
// Threads: any. Who asks while another's walk goes on gets the answer before it.
#pragma once

#include "core/base/result.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

struct TopHost {
    std::string address;
    std::string name; ///< out of the traffic: anything may be in it
    std::uint64_t bytes_per_s = 0, bytes = 0, flows = 0;
};

struct HostsReport {
    std::vector<TopHost> by_rate, by_bytes;
    std::uint64_t flows = 0;     ///< that were looked at
    std::uint64_t forgotten = 0; ///< hosts, to bound memory
    bool complete = true;        ///< false: the time was over before all flows were seen
    std::uint64_t took_ms = 0;
};

class TopHosts {
  public:
    static constexpr std::uint64_t kLifeMs = 10'000;
    using Source = std::function<Result<HostsReport>()>;

    explicit TopHosts(Source source) : source_(std::move(source)) {}

    /// As the page shows them; `now_ms` is of any monotonic clock.
    Result<nlohmann::ordered_json> json(std::uint64_t now_ms, bool by_bytes);

  private:
    Result<void> refresh(std::uint64_t now_ms);

    const Source source_;
    std::mutex walking_; // held during a walk; before mutex_
    std::mutex mutex_;
    std::optional<HostsReport> report_; // guarded by mutex_
    std::uint64_t report_ms_ = 0;       // guarded by mutex_
};

} // namespace l7
