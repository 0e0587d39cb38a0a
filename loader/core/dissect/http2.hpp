// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP/2 in the clear with prior knowledge (RFC 9113, 3.3), and gRPC over it.
#pragma once

#include "core/dissect/dissector.hpp"

namespace l7 {

bool http2_begins(const View &view);
std::unique_ptr<Dissector> make_http2();

} // namespace l7
