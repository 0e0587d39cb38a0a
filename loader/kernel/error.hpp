// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "core/base/result.hpp"

#include <string>

namespace l7 {

/// What the kernel refused: `what` was tried and `negative_errno` (or, where it is not negative,
/// errno) is why. Missing privilege and missing features are the environment's fault and say what
/// would help.
Error kernel_error(const std::string &what, int negative_errno);

} // namespace l7
