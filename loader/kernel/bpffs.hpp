// SPDX-License-Identifier: GPL-2.0-or-later
// The directory of pins.
#pragma once

#include "core/base/result.hpp"

#include <string>

namespace l7 {

/// Makes `directory` below a mounted bpffs, mounting one at /sys/fs/bpf where there is none. Errors
/// say which privilege or file system is missing.
Result<void> make_pin_directory(const std::string &directory);

/// Removes every pin in the directory and the directory.
Result<void> remove_pins(const std::string &directory);

} // namespace l7
