// SPDX-License-Identifier: GPL-2.0-or-later
// The frames of an Initial packet: RFC 9000 sections 12.4 and 19.
#pragma once

#include "core/base/bytes.hpp"
#include "core/dissect/assembly.hpp"

namespace l7 {

/// Puts what CRYPTO frames carry where it belongs. Stops at what has no place in an Initial; false
/// when that, or a frame that is cut off, was there. Google's versions 50 and 51 number CRYPTO
/// otherwise.
bool collect_quic_crypto(Bytes payload, bool google_frames, Assembly &into);

} // namespace l7
