// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/pattern.hpp"

#include <array>

namespace l7 {

namespace {
constexpr std::array<const char *, 5> kQualities{"great", "good", "ok", "marginal", "poor"};
}

const char *to_string(Quality quality) {
    return kQualities[static_cast<std::size_t>(quality)];
}

std::optional<Quality> quality_from(std::string_view word) {
    for (std::size_t i = 0; i < kQualities.size(); i++)
        if (word == kQualities[i])
            return static_cast<Quality>(i);
    return std::nullopt;
}

std::optional<PatternOrder> order_from(std::string_view word) {
    if (word == "before")
        return PatternOrder::Before;
    if (word == "after")
        return PatternOrder::After;
    return std::nullopt;
}

} // namespace l7
