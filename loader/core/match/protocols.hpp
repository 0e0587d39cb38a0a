// SPDX-License-Identifier: GPL-2.0-or-later
// Protocol names and their numbers in the kernel's tables.
#pragma once

#include "core/names/name_numbers.hpp"

#include <l7ctl/abi.h>

namespace l7 {

/// "unset" to "malformed" have the reserved numbers.
class Protocols : public NameNumbers {
  public:
    Protocols();
};

} // namespace l7
