// SPDX-License-Identifier: GPL-2.0-or-later
// Child connections: what the bytes of a parent, a control connection, announce.
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/transport.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace l7 {

/// An address as in l7_key: IPv4 as an IPv4-mapped address. All zero: anyone.
using ChildAddress = std::array<std::uint8_t, 16>;

/// A connection that somebody is told to make. Ports are in host byte order.
struct Announcement {
    ChildAddress source{};        ///< who opens it; all zero: anyone
    ChildAddress target{};        ///< who is called
    std::uint16_t sport = 0;      ///< 0: any
    std::uint16_t port = 0;       ///< of the target; 0 where the protocol has none
    std::uint8_t l4 = 0;          ///< IPPROTO_
    std::uint8_t topic = 0;       ///< of its parent's topics
    std::string_view protocol;    ///< what its bytes will be, of static storage
    std::uint16_t lifetime_s = 0; ///< 0: the topic's
    /// Not 0: the place of the parent's earlier announcement in this slot is taken, as by a
    /// re-INVITE that moves a stream.
    std::uint32_t slot = 0;

    bool operator==(const Announcement &) const = default;
};

/// What a parent has sent.
struct Utterance {
    unsigned direction; ///< 0: from the one who opened the connection
    Bytes data;         ///< a stream's next bytes, none missing between; else one datagram
};

/// Who talks. [0] opened the connection.
struct Parties {
    std::array<ChildAddress, 2> address;
    std::array<std::uint16_t, 2> port; ///< host byte order
    std::uint8_t l4;
};

/// Reads one control connection. A stream's bytes come in pieces of any size; what of them is kept
/// is bounded. What a parent announces is what its bytes say, whether or not it may.
class Parent {
  public:
    virtual ~Parent() = default;
    virtual void take(const Utterance &said, std::vector<Announcement> &out) = 0;

    /// Bytes of a direction are missing after the last. False: there is no going on after that.
    virtual bool gap(unsigned direction) { return direction > 1; }

    /// Nothing more can be read of it: it went over to TLS, or is not what it was taken for.
    virtual bool finished() const { return false; }
};

/// Announcements that share a bound: beyond `most` alive the oldest leaves.
struct Topic {
    const char *name;
    std::uint16_t most;
    std::uint16_t lifetime_s;
    /// Whoever opens its children is no party: the parent is a third one's, as IRC's server.
    bool strangers = false;
    /// One child is not the last, as of a registration.
    bool stays = false;
};

struct ParentKind {
    const char *protocol; ///< the verdict that makes a flow one
    unsigned transports;  ///< bit n: Transport n
    std::span<const Topic> topics;
    std::unique_ptr<Parent> (*make)(const Parties &parties);
};

/// All of them.
std::span<const ParentKind> parent_kinds();

} // namespace l7
