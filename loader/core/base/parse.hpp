// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace l7 {

/// How far reading of untrusted bytes came.
enum class Parse {
    More,  ///< right so far, and not at its end
    Done,  ///< all there
    Wrong, ///< not what it was taken for
};

} // namespace l7
