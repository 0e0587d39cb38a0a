// SPDX-License-Identifier: GPL-2.0-or-later
// A control request's way to a listing: JSON, its filter, and what the filter shows.
#include "core/report/flow_filter.hpp"

#include <nlohmann/json.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto request = nlohmann::json::parse(data, data + size, nullptr, false);
    if (!request.is_object())
        return 0;
    try {
        const auto filter =
            l7::FlowFilter::parse(request.value("filter", std::vector<std::string>{}));
        if (filter)
            (void)filter->shows({});
    } catch (const nlohmann::json::exception &) {
        return 0; // the server answers these with an error
    }
    return 0;
}
