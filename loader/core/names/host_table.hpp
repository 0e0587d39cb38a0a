// SPDX-License-Identifier: GPL-2.0-or-later
// Host names that flows refer to by a number, in memory that may outlive the process.
//
// Threads: all may use it at once.
#pragma once

#include <l7ctl/abi.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace l7 {

class HostTable {
  public:
    /// Works on `slots`, whose names it takes over. At most 65,536.
    explicit HostTable(std::span<l7_host> slots);

    /// With `slots` slots of its own.
    explicit HostTable(std::size_t slots);

    /// The id of a name, lower-cased; 0 for an empty one. Where all slots are taken, a name that
    /// was not asked for lately leaves, and its id names nothing from then on. A name that does not
    /// fit keeps its end.
    std::uint32_t number(std::string_view name);

    /// The name of an id; "" for 0 and for one that has left.
    std::string name(std::uint32_t id) const;

    std::size_t size() const;

    /// Is told of each name that gets an id; called with the table's lock held.
    void tell(std::function<void(std::uint32_t id, std::string_view name)> of_new);

  private:
    static constexpr std::size_t kText = sizeof(l7_host::name) - 1;

    std::uint32_t next_slot();

    mutable std::mutex mutex_;
    std::vector<l7_host> own_;
    std::span<l7_host> slots_;
    std::unordered_map<std::string_view, std::uint32_t> ids_; ///< keys lie in the slots
    std::vector<bool> used_;                                  ///< since the hand passed
    std::uint32_t hand_ = 0;
    std::function<void(std::uint32_t, std::string_view)> of_new_;
};

} // namespace l7
