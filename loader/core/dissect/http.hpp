// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP/1 (RFC 9112), and what its requests lead to: CONNECT (RFC 9110, 9.3.6), WebSocket (RFC
// 6455).
#pragma once

#include "core/dissect/dissector.hpp"

namespace l7 {

bool http_begins(const View &view);
std::unique_ptr<Dissector> make_http();

} // namespace l7
