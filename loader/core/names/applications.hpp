// SPDX-License-Identifier: GPL-2.0-or-later
// Whose a host name is: lists of domains, `applications/*.toml` below the directories of patterns.
#pragma once

#include "core/base/result.hpp"
#include "core/names/name_numbers.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace l7 {

struct Application {
    std::string name;
    std::string title;
    std::vector<std::string> groups; ///< the main one first
    std::string file;                ///< that it was named in first
    std::size_t domains = 0;
};

class Applications {
  public:
    /// Adds what the directories' lists hold; those of the first win, so that a user's come before
    /// ours. Numbers are taken from `numbers`, which new names are added to. A list that cannot be
    /// used is left out, and `rejected` says why as `file:line: what`.
    void load(const std::vector<std::filesystem::path> &directories, NameNumbers &numbers,
              std::vector<std::string> &rejected);

    /// The number of the application that the host belongs to by the longest domain that is the
    /// host or ends it at a dot; 0: none. Case, a port and a last dot do not matter.
    std::uint16_t find(std::string_view host) const;

    const std::vector<Application> &all() const { return all_; }

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    struct Owner {
        std::uint16_t number;
        bool exact;            ///< the name itself only
        std::size_t directory; ///< that it comes from
    };
    class List;

    std::vector<Application> all_;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> by_name_;
    std::unordered_map<std::string, Owner, Hash, std::equal_to<>> domains_;
};

} // namespace l7
