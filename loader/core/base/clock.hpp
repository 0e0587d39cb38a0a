// SPDX-License-Identifier: GPL-2.0-or-later
// The clocks, read in one way. Nothing in core asks them: there, time comes in as a value.
#pragma once

#include <chrono>
#include <cstdint>

namespace l7 {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;

/// CLOCK_MONOTONIC, which the kernel's programs stamp records with.
inline std::uint64_t monotonic_ns() {
    return static_cast<std::uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

inline std::uint64_t monotonic_ms() {
    return monotonic_ns() / 1'000'000;
}

/// Since 1970, UTC.
inline std::uint64_t wall_ms() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
}

} // namespace l7
