// SPDX-License-Identifier: GPL-2.0-or-later
// What passes through each class now, against what it may have. Not thread-safe.
//
// Counted is what rules give a class, before its queue: what is above the limit waits there, or is
// dropped. What no rule gave a class counts for the default one, and a class has what those below
// it have.
#pragma once

#include "core/policy/shape_config.hpp"
#include "metrics/snapshot.hpp"

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace l7 {

/// The limits of all classes of this direction of the device, as configured; `attach` is where it
/// is counted.
std::vector<ClassLimit> limits_of(const ShapeConfig &config, const ShapeDevice &device,
                                  unsigned attach);

class ClassRates {
  public:
    /// Takes what is counted at `now_ms` of any monotonic clock; rates are since the call before.
    void add(std::uint64_t now_ms, const MetricsSnapshot &snapshot);

    /// A row for each class of a shaped direction, parents before their children, and for each that
    /// only rules name.
    nlohmann::ordered_json json() const;

  private:
    using Id = std::pair<unsigned, std::string>; ///< attachment point and classid
    struct Row {
        std::string dev;
        const char *direction;
        ClassLimit limit;
        unsigned depth; ///< below the link
        double bytes_per_s;
    };

    std::map<Id, double> gained(std::uint64_t now_ms, const std::vector<ClassTraffic> &classes);

    std::vector<Row> rows_;
    std::map<Id, ClassTraffic> last_;
    std::uint64_t last_ms_ = 0;
};

} // namespace l7
