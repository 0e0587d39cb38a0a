// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/flow_filter.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace l7 {

Result<FlowFilter> FlowFilter::parse(const std::vector<std::string> &words) {
    static constexpr std::array<std::pair<std::string_view, Field>, 6> kFields{{
        {"protocol", Field::Protocol},
        {"dev", Field::Dev},
        {"l4", Field::L4},
        {"host", Field::Host},
        {"port", Field::Port},
        {"reason", Field::Reason},
    }};
    FlowFilter out;

    for (std::size_t i = 0; i < words.size(); i += 2) {
        const auto field =
            std::ranges::find(kFields, words[i], &std::pair<std::string_view, Field>::first);
        if (field == kFields.end())
            return Error{"flows: '" + words[i] + "' is no filter",
                         "filters: protocol, dev, l4, host, port, reason", Blame::Usage};
        if (i + 1 >= words.size())
            return Error{"flows: '" + words[i] + "' needs a value", {}, Blame::Usage};
        out.conditions_.push_back({field->second, words[i + 1]});
    }
    return out;
}

bool FlowFilter::shows(const FlowReport &report) const {
    return std::ranges::all_of(conditions_, [&](const Condition &condition) {
        const std::string &value = condition.value;
        switch (condition.field) {
        case Field::Protocol:
            return report.protocol == value;
        case Field::Dev:
            return report.live && report.live->dev == value;
        case Field::L4:
            return report.l4 == value;
        case Field::Host:
            return report.src == value || report.dst == value;
        case Field::Port:
            return std::to_string(report.sport) == value || std::to_string(report.dport) == value;
        case Field::Reason:
            return report.reason == value;
        }
        return false;
    });
}

} // namespace l7
