// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps what is of no application and of no class from going back.
//
// The rest is the whole less its parts, and both are read while packets pass: what comes between
// the two reads counts now here, now there. A counter that falls is taken for one that was started
// again, and all it ever counted would count once more. Not thread-safe.
#pragma once

#include "metrics/snapshot.hpp"

#include <map>

namespace l7 {

class SteadyRest {
  public:
    /// Holds each rest of the snapshot at the most it was, unless its attachment point has begun to
    /// count anew.
    void hold(MetricsSnapshot &snapshot);

  private:
    struct Point {
        std::string dev;
        std::uint64_t whole = 0; ///< bytes of all protocols, which only fall when all are cleared
        l7_account application{};
        l7_hits cls{};
    };
    std::map<unsigned, Point> points_;
};

} // namespace l7
