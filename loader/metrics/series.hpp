// SPDX-License-Identifier: GPL-2.0-or-later
// Traffic by protocol, or application, with a bounded number of them: those with most bytes, and
// "other".
//
// A counter that Prometheus reads must never go back, but who is at the top changes. So what is
// exported is accumulated here: what a row gains while its protocol has a name of its own goes to
// that name, what it gains otherwise to "other", for good. Not thread-safe.
#pragma once

#include "metrics/snapshot.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <vector>

namespace l7 {

struct TrafficSeries {
    std::string dev;
    const char *direction;
    std::string name;
    l7_account account;
};

class BoundedTraffic {
  public:
    static constexpr const char *kOther = "other";

    /// Numbers below `first` always have their names.
    BoundedTraffic(std::size_t top, std::uint16_t first) : top_(top), first_(first) {}

    void set_top(std::size_t top) { top_ = top; }

    /// Takes all rows as they are now; rows that are not there any more are forgotten.
    void update(const std::vector<TrafficRow> &rows);

    /// At most `top` names, those that always are, and other, for each attachment point. Flows of
    /// number 0 are left out: they leave it when they are judged.
    std::vector<TrafficSeries> series() const;

  private:
    struct Row {
        TrafficRow last;
        l7_account named{};  ///< gained while it had a name
        l7_account others{}; ///< and while it had none
    };

    bool has_name(std::uint16_t number) const { return number < first_ || named_.contains(number); }
    void choose();

    std::size_t top_;
    std::uint16_t first_;
    std::map<std::pair<unsigned, std::uint16_t>, Row> rows_;
    std::set<std::uint16_t> named_;
};

} // namespace l7
