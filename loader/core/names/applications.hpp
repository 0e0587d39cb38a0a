// SPDX-License-Identifier: GPL-2.0-or-later
// Whose a host name is: lists of domains, `applications/*.toml` below the directories of patterns.
#pragma once

#include "core/base/result.hpp"
#include "core/names/name_numbers.hpp"
#include "core/names/protocols.hpp"

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

    /// The number of the application whose servers show certificates of this subject; 0: none.
    std::uint16_t find_certificate(std::string_view subject) const;

    /// Looks up the numbers of the protocols that applications have for themselves; call it once
    /// all lists are loaded. A list may name protocols that no pattern is there for.
    void bind(const Protocols &protocols);

    /// The number of the application whose own protocol it is; 0: none.
    std::uint16_t of_protocol(std::uint16_t protocol) const {
        return protocol < by_protocol_.size() ? by_protocol_[protocol] : std::uint16_t{0};
    }

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
    std::unordered_map<std::string, std::uint16_t, Hash, std::equal_to<>> certificates_;
    std::vector<std::pair<std::string, std::uint16_t>> protocols_; ///< name, application
    std::vector<std::uint16_t> by_protocol_;
};

} // namespace l7
