// SPDX-License-Identifier: GPL-2.0-or-later
// Names asked for and their addresses, in DNS and its relatives (RFC 1035; RFC 6762, mDNS; RFC
// 4795, LLMNR). The format is shared, so the patterns say which of them it is.
#pragma once

#include "core/dissect/dissector.hpp"

namespace l7 {

bool dns_begins(const View &view);
std::unique_ptr<Dissector> make_dns();

/// Reads a message: the first question's name, and the addresses of the answers. Returns false
/// where it is none.
bool read_dns(Bytes message, Facts &facts);

} // namespace l7
