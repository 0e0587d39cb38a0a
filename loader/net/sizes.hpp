// SPDX-License-Identifier: GPL-2.0-or-later
// How large packets may be, by device, and how large HTB's classes found them: reads, changes
// nothing.
#pragma once

#include "core/base/result.hpp"
#include "core/report/findings.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace l7 {

struct LinkSizes {
    PacketSizes sizes;
    std::string name, kind;
    std::uint32_t under = 0; ///< the device whose packets carry ours; 0: none, or not to be known
    std::uint32_t overhead = 0; ///< bytes of headers a tunnel adds at least; 0: it is none
};

/// By ifindex.
Result<std::map<std::uint32_t, LinkSizes>> link_sizes();

/// The classes of a device's HTB; none where it has none.
Result<std::vector<HtbClassFacts>> htb_classes(std::uint32_t ifindex);

} // namespace l7
