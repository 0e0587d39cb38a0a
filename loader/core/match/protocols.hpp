// SPDX-License-Identifier: GPL-2.0-or-later
// Protocol names and their numbers in the kernel's tables.
#pragma once

#include "core/base/result.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace l7 {

/// Numbers are given in order and never change or get reused, so that pinned flows and counters
/// keep their meaning over restarts and reloads.
class Protocols {
  public:
    Protocols();

    /// The number of `name`, new or known; 0 (unset) where all L7_PROTOCOLS_MAX are taken.
    std::uint16_t number(std::string_view name);

    /// The number of a known name, or 0.
    std::uint16_t find(std::string_view name) const;

    /// The name of a number; "unset" to "malformed" for the reserved ones, "?" for one never given.
    const std::string &name(std::uint16_t number) const;

    /// One past the highest number given.
    std::uint16_t end() const { return static_cast<std::uint16_t>(names_.size()); }

    /// Takes over a name with the number it has in a pinned map.
    Result<void> restore(std::uint16_t number, std::string_view name);

  private:
    std::vector<std::string> names_;
    std::unordered_map<std::string, std::uint16_t> numbers_;
};

} // namespace l7
