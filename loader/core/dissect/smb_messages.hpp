// SPDX-License-Identifier: GPL-2.0-or-later
// What is to be learnt from the messages of SMB 1 ([MS-CIFS], [MS-SMB]), 2 and 3 ([MS-SMB2]).
#pragma once

#include "core/base/bytes.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace l7 {

/// What the messages of one connection have said so far.
struct SmbSession {
    std::vector<std::string> offered; ///< dialects of version 1, in the client's order
    std::string dialect;              ///< the one that the server chose
    std::string server;               ///< as the client calls it
    bool set_up = false;              ///< the client is past all that says more
};

inline constexpr std::size_t kSmb1Header = 32;
inline constexpr std::size_t kSmb2Header = 64;

/// A whole message of version 1, or of 2 or 3 with what is compounded with it. What does not fit
/// is passed over.
void read_smb1(Bytes message, SmbSession &session);
void read_smb2(Bytes message, SmbSession &session);

} // namespace l7
