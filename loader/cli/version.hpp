// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace l7 {

/// This l7ctl's version and build, and the versions of the libraries it has found now.
std::string version_text();

} // namespace l7
