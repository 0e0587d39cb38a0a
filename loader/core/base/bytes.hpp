// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>

namespace l7 {

using Bytes = std::span<const std::uint8_t>;

} // namespace l7
