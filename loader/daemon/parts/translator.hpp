// SPDX-License-Identifier: GPL-2.0-or-later
// How the ends of a connection call themselves, where the kernel translates addresses.
#pragma once

#include "core/expect/listener.hpp"
#include "net/conntrack.hpp"

#include <mutex>
#include <optional>

namespace l7 {

/// Threads: any; each question waits for the kernel (15 microseconds).
class Translator {
  public:
    /// None: the connection is not tracked, or nothing is translated.
    std::optional<Parties> original(const Parties &seen);

  private:
    std::mutex mutex_;
    std::optional<Conntrack> conntrack_; ///< opened when first asked
};

} // namespace l7
