// SPDX-License-Identifier: GPL-2.0-or-later
// What passed in the last 15 minutes, by device, direction and protocol, or application. Not
// thread-safe.
#pragma once

#include "metrics/snapshot.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace l7 {

class History {
  public:
    static constexpr std::uint64_t kIntervalMs = 5000;
    static constexpr std::size_t kSamples = 180;   ///< 15 minutes
    static constexpr std::size_t kNames = 24;      ///< kept of each sample and attachment point
    static constexpr std::size_t kShownSeries = 8; ///< in an answer, and other

    /// Takes the rows as they are at `now_ms` of any monotonic clock. The first call is what later
    /// ones are compared with.
    void add(std::uint64_t now_ms, const std::vector<TrafficRow> &rows);

    /// What passed in this direction, at one device or ("") all, as the page draws it.
    nlohmann::ordered_json json(std::uint64_t now_ms, const std::string &dev,
                                const std::string &direction) const;

  private:
    struct Share {
        std::uint16_t number; ///< 0xffff: the rest
        std::uint64_t bytes, packets;
    };
    struct Point {
        std::string dev;
        const char *direction;
        std::vector<Share> shares;
    };
    struct Sample {
        std::uint64_t time_ms, length_ms;
        std::vector<Point> points;
    };

    std::deque<Sample> samples_;
    std::map<std::pair<unsigned, std::uint16_t>, TrafficRow> last_;
    std::uint64_t last_ms_ = 0;
    std::map<std::uint16_t, std::string> names_; ///< of which there are few
};

} // namespace l7
