// SPDX-License-Identifier: GPL-2.0-or-later
// Which programs a packet meets at a device, whoever put them there: reads, changes nothing.
#pragma once

#include "core/base/fd.hpp"
#include "core/report/findings.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

struct HookPrograms {
    bool known = true;                ///< false: we may not ask
    std::uint32_t ours = 0;           ///< number of our program; 0: none
    bool compiled = false;            ///< ours is machine code
    std::vector<ProgramFacts> before; ///< that come before ours, in their order
};

/// Looks at XDP (for ingress), TCX and clsact.
HookPrograms programs_at(std::uint32_t ifindex, l7_hook hook);

/// As long as it lives the kernel counts how often programs run, which costs each run some
/// nanoseconds.
class RunCounting {
  public:
    RunCounting();
    bool on() const { return static_cast<bool>(fd_); }

    /// How often the program has run while counted; nothing where that is not known.
    std::optional<std::uint64_t> runs(std::uint32_t id) const;

  private:
    Fd fd_;
};

/// How many entries the map pinned at `path` can have; 0 where it cannot be asked.
std::uint32_t pinned_map_entries(const std::string &path);

} // namespace l7
