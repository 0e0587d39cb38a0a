// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/top_hosts.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace l7 {

Result<void> TopHosts::refresh(std::uint64_t now_ms) {
    const std::unique_lock walking(walking_, std::try_to_lock);
    if (!walking)
        return {};
    {
        const std::lock_guard lock(mutex_);
        if (report_ && now_ms < report_ms_ + kLifeMs)
            return {};
    }
    auto report = source_();
    if (!report)
        return report.error();
    const std::lock_guard lock(mutex_);
    report_ms_ = now_ms + report->took_ms;
    report_ = std::move(*report);
    return {};
}

Result<nlohmann::ordered_json> TopHosts::json(std::uint64_t now_ms, bool by_bytes) {
    if (auto refreshed = refresh(now_ms); !refreshed)
        return refreshed.error();
    nlohmann::ordered_json hosts = nlohmann::ordered_json::array();
    const std::lock_guard lock(mutex_);
    if (!report_) // the first walk goes on
        return nlohmann::ordered_json{{"complete", false}, {"flows", 0}, {"hosts", hosts}};
    for (const TopHost &host : by_bytes ? report_->by_bytes : report_->by_rate)
        hosts.push_back({{"address", host.address},
                         {"name", host.name},
                         {"bytes_per_s", host.bytes_per_s},
                         {"bytes", host.bytes},
                         {"flows", host.flows}});
    return nlohmann::ordered_json{
        {"complete", report_->complete},
        {"flows", report_->flows},
        {"forgotten", report_->forgotten},
        {"age_s", static_cast<double>(now_ms - std::min(now_ms, report_ms_)) / 1e3},
        {"took_ms", report_->took_ms},
        {"hosts", hosts}};
}

} // namespace l7
