// SPDX-License-Identifier: GPL-2.0-or-later
// Which qdiscs the kernel has.
#pragma once

#include "core/base/result.hpp"

#include <set>
#include <string>

namespace l7 {

/// Those of `kLeafKinds` that can be added. Tries them on the loopback device of a network
/// namespace that lives only as long, so that modules are loaded and nothing is touched.
Result<std::set<std::string>> leaf_kinds_there();

} // namespace l7
