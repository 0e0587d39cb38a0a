// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace l7 {

using Bytes = std::span<const std::uint8_t>;

inline std::string_view text_of(Bytes data) {
    return {reinterpret_cast<const char *>(data.data()), data.size()};
}

} // namespace l7
