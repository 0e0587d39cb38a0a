// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a request means us: the Host header against DNS rebinding.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace l7 {

/// "[::1]:9817", "127.0.0.1:9817" or "name" without the port, lower case, IPv6 without brackets;
/// "" for what is none of these.
std::string header_host(std::string_view host_header);

/// Whether the Host header names this host: localhost, 127.0.0.1, ::1, the address that is listened
/// at, or one of `names`. A page elsewhere whose name was made to lead here does not know these.
bool host_allowed(std::string_view host_header, std::string_view listen,
                  const std::vector<std::string> &names);

} // namespace l7
