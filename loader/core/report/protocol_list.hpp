// SPDX-License-Identifier: GPL-2.0-or-later
// The list of all that can be recognised, as text and JSON.
#pragma once

#include "core/match/known_protocols.hpp"

#include <string>

namespace l7 {

/// A line of the table, and the table's head.
std::string to_text(const KnownProtocol &protocol);
std::string protocol_list_head();
std::string to_json(const KnownProtocol &protocol);

} // namespace l7
