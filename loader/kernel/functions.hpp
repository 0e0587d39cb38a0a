// SPDX-License-Identifier: GPL-2.0-or-later
// Functions of the kernel that BPF programs may call (kfuncs).
#pragma once

namespace l7 {

/// Whether this kernel has the function, built in or in a module that is loaded.
bool has_function(const char *name, const char *module);

} // namespace l7
