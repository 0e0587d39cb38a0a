// SPDX-License-Identifier: GPL-2.0-or-later
// Maps whose values are read and written in place.
#pragma once

#include "core/base/fd.hpp"
#include "core/base/result.hpp"

#include <cstddef>

namespace l7 {

/// Maps the memory of an array map that allows it (BPF_F_MMAPABLE), its first `size` bytes.
Result<Mapping> map_memory_of(int fd, std::size_t size);

} // namespace l7
