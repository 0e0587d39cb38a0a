// SPDX-License-Identifier: GPL-2.0-or-later
// What nodes tell each other besides flows: with names and wall clocks, as FlowState.
#pragma once

#include "core/expect/parent.hpp"

#include <l7ctl/abi.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace l7 {

/// A child connection that somebody announced and nobody has made yet.
struct ExpectationState {
    l7_key parent{};
    ChildAddress source{}; ///< all zero: anyone
    ChildAddress target{};
    std::uint16_t sport = 0; ///< host byte order; 0: any
    std::uint16_t port = 0;
    std::uint8_t l4 = 0;
    std::string protocol;
    std::uint64_t until_ms = 0;

    bool operator==(const ExpectationState &other) const {
        return std::memcmp(&parent, &other.parent, sizeof(parent)) == 0 && source == other.source &&
               target == other.target && sport == other.sport && port == other.port &&
               l4 == other.l4 && protocol == other.protocol && until_ms == other.until_ms;
    }
};

/// What flows to a server's port turned out to be.
struct EndpointState {
    ChildAddress address{};
    std::uint16_t port = 0; ///< host byte order
    std::uint8_t l4 = 0;
    std::string protocol;
    std::string application; ///< empty: none
    std::uint64_t until_ms = 0;

    bool operator==(const EndpointState &) const = default;
};

/// What a DNS answer said of an address.
struct HintState {
    ChildAddress address{};
    std::string host;
    std::string application; ///< empty: none
    std::uint64_t until_ms = 0;

    bool operator==(const HintState &) const = default;
};

} // namespace l7
