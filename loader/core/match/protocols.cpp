// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/protocols.hpp"

namespace l7 {

Protocols::Protocols() : NameNumbers(L7_PROTOCOL_FIRST, L7_PROTOCOLS_MAX) {
    reserve(L7_UNSET, "unset");
    reserve(L7_UNKNOWN, "unknown");
    reserve(L7_NON_IP, "non-ip");
    reserve(L7_MALFORMED, "malformed");
}

} // namespace l7
