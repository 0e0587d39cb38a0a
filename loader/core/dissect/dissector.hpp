// SPDX-License-Identifier: GPL-2.0-or-later
// What every dissector looks like: bytes of a flow in; not mine, more, or facts out.
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/transport.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace l7 {

/// An address that a name stood for, as a DNS answer says.
struct Binding {
    std::array<std::uint8_t, 16> address; ///< IPv4 as an IPv4-mapped address
    std::uint32_t ttl_s;
};

/// Who takes part in a torrent, as a tracker or the hash table says.
struct Peer {
    std::array<std::uint8_t, 16> address; ///< IPv4 as an IPv4-mapped address
    std::uint16_t port;                   ///< host byte order
    bool operator==(const Peer &) const = default;
};

/// Of use to whoever asks how a verdict came about: alpn, ja4, user-agent, ...
using Details = std::vector<std::pair<const char *, std::string>>;

/// What is found out about a flow beside its protocol.
struct Facts {
    std::string_view protocol;     ///< one that is built in; empty where the bytes prove none
    bool carrier = false;          ///< others speak over it: a pattern may know better
    std::string hostname;          ///< SNI, Host, the name asked for
    std::string certificate;       ///< subject of the server's, where it is no host name
    std::uint8_t attributes = 0;   ///< L7_A_
    std::vector<Binding> bindings; ///< addresses of hostname
    std::vector<Peer> peers;
    Details details;
    bool wants_details = true; ///< somebody may ask for them

    void clear() { *this = {}; }
};

/// What a dissector is shown.
struct View {
    Transport transport;
    unsigned direction; ///< of what just came: 0 from the initiator
    Bytes data;         ///< TCP: all bytes of this direction so far; else the datagram
    Bytes other;        ///< TCP: all bytes of the other direction so far
    bool midstream;     ///< the connection's beginning was not seen
    std::uint64_t size; ///< of the datagram on the wire; of a stream, data's
};

enum class Progress {
    NotMine, ///< the bytes cannot be this protocol, or nothing more can be learnt
    More,    ///< they can be; more are needed
    Known,   ///< they are, and more facts may follow
    Done,    ///< they are, and all is known
};

/// The state of one dissector on one flow. Called with each new view in order.
class Dissector {
  public:
    virtual ~Dissector() = default;
    virtual Progress take(const View &view, Facts &facts) = 0;
};

struct DissectorKind {
    const char *name;
    /// Protocols that its facts are of, words between spaces, where a pattern was what named one.
    std::string_view protocols;
    unsigned transports; ///< bit n: Transport n
    /// Whether the first bytes of a direction could be its protocol's; cheap.
    bool (*begins)(const View &view);
    std::unique_ptr<Dissector> (*make)();
    bool midstream = false; ///< it has use for connections whose beginning was not seen
};

/// All of them, in the order in which they are asked.
std::span<const DissectorKind> dissector_kinds();

} // namespace l7
