// SPDX-License-Identifier: GPL-2.0-or-later
// The messages of H.225.0 and H.245 for walk().
#pragma once

#include "core/expect/per.hpp"

namespace l7 {

/// What values of the tables are.
enum class H323Role : std::uint8_t {
    None,
    Ipv4, ///< the address that the next port belongs to
    Ipv6,
    Port,
    Nested,   ///< an encoding of its own in octets
    DataType, ///< which of H.245's DataType a channel has
};

/// The fields that they are found in.
enum class H323Mark : std::uint8_t {
    None,
    H245Address,
    FastStart, ///< a whole OpenLogicalChannel
    H245Control,
    CallSignalAddress, ///< of RAS
    RasAddress,
    MediaChannel,
    MediaControlChannel,
    SeparateStack, ///< T.120's
};

extern const PerType kH323UserInformation;            ///< H.225.0: what call signalling carries
extern const PerType kRasMessage;                     ///< H.225.0
extern const PerType kMultimediaSystemControlMessage; ///< H.245
extern const PerType kOpenLogicalChannel;             ///< H.245, alone in fastStart

inline constexpr std::uint64_t kVideoData = 2; ///< of DataType
inline constexpr std::uint64_t kAudioData = 3;

} // namespace l7
