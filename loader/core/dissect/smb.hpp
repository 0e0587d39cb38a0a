// SPDX-License-Identifier: GPL-2.0-or-later
// SMB over TCP, directly ([MS-SMB2] 2.1) or over NetBIOS sessions (RFC 1002, 4.3).
#pragma once

#include "core/dissect/dissector.hpp"

namespace l7 {

bool smb_begins(const View &view);
std::unique_ptr<Dissector> make_smb();

} // namespace l7
