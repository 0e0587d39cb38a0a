// SPDX-License-Identifier: GPL-2.0-or-later
// Names and their numbers in the kernel's tables.
#pragma once

#include "core/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace l7 {

/// Numbers are given in order and never change or get reused, so that pinned flows and counters
/// keep their meaning over restarts and reloads.
class NameNumbers {
  public:
    /// Gives numbers from `first` to below `most`; `first` is at least 1.
    NameNumbers(std::uint16_t first, std::uint16_t most);

    /// The number of `name`, new or known; 0 where all are taken.
    std::uint16_t number(std::string_view name);

    /// The number of a known name, or 0.
    std::uint16_t find(std::string_view name) const;

    /// The name of a number; "?" for one never given.
    const std::string &name(std::uint16_t number) const;

    /// One past the highest number given.
    std::uint16_t end() const { return static_cast<std::uint16_t>(names_.size()); }

    /// Takes over a name with the number it has in a pinned map.
    Result<void> restore(std::uint16_t number, std::string_view name);

  protected:
    /// A name below `first`.
    void reserve(std::uint16_t number, std::string_view name);

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };

    std::uint16_t first_, most_;
    std::vector<std::string> names_;
    std::unordered_map<std::string, std::uint16_t, Hash, std::equal_to<>> numbers_;
};

} // namespace l7
