// SPDX-License-Identifier: GPL-2.0-or-later
// DCE 1.1 remote procedure calls (The Open Group C706, chapter 12; [MS-RPCE]): over TCP, with the
// interface that the client binds to, and over UDP, where each packet tells it.
#pragma once

#include "core/dissect/dissector.hpp"

namespace l7 {

bool dcerpc_begins(const View &view);
std::unique_ptr<Dissector> make_dcerpc();

} // namespace l7
