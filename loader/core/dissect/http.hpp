// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP/1 (RFC 9112), and what its requests lead to: CONNECT (RFC 9110, 9.3.6), WebSocket (RFC
// 6455), HTTP/2 (RFC 7540, 3.2).
#pragma once

#include "core/dissect/dissector.hpp"

namespace l7 {

bool http_begins(const View &view);
std::unique_ptr<Dissector> make_http();

/// Host without its port (RFC 3986, 3.2.2), fit to be shown.
std::string host_of(std::string_view authority);

/// Adds a field's value, cut where it is very long, and fit to be shown, unless it is empty or
/// there is one.
void note_field(Facts &facts, const char *what, std::string_view value);

} // namespace l7
