// SPDX-License-Identifier: GPL-2.0-or-later
// Which flows a listing shows.
#pragma once

#include "core/base/result.hpp"
#include "core/report/flow_report.hpp"

#include <string>
#include <vector>

namespace l7 {

/// All of its conditions must hold: `protocol NAME`, `dev DEV`, `l4 NAME`, `host ADDRESS` (either
/// end), `port NUMBER` (either end), `reason WORD`.
class FlowFilter {
  public:
    static Result<FlowFilter> parse(const std::vector<std::string> &words);
    bool shows(const FlowReport &report) const;

  private:
    enum class Field { Protocol, Dev, L4, Host, Port, Reason };
    struct Condition {
        Field field;
        std::string value;
    };
    std::vector<Condition> conditions_;
};

} // namespace l7
