// SPDX-License-Identifier: GPL-2.0-or-later
// The ClientHello of a QUIC connection, out of its Initial packets: RFC 9000, 9001, 9369, the
// drafts from 21 on, and Google's versions.
#pragma once

#include "core/base/bytes.hpp"
#include "core/dissect/assembly.hpp"
#include "core/dissect/quic_keys.hpp"
#include "core/dissect/quic_packet.hpp"
#include "core/dissect/tls_hello.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

/// Takes the datagrams of one UDP flow in the order of arrival. Which side is the client is found
/// out, so the first may be a server's. Bounded: kMaxHello of hello, kAttempts packets opened.
class QuicInitial {
  public:
    static constexpr unsigned kAttempts = 24;
    static constexpr unsigned kCoalesced = 64; ///< packets looked at of one datagram

    /// `side` tells the flow's two sides apart, whichever is which. A datagram that is cut short
    /// gives nothing. Done: the client's hello is there. Wrong: nothing of QUIC so far, or what was
    /// opened holds no hello; authenticated() tells the one from the other.
    Parse add(Bytes datagram, bool side);

    /// What is known of the hello, to be had before it is Done too.
    ClientHello hello() const;
    /// Google's versions before TLS: how the client calls itself.
    const std::string &user_agent() const { return user_agent_; }

    /// Of the newest packet that told it; 0: none.
    std::uint32_t version() const { return version_; }
    /// A packet opened with the keys that are made of the connection id in it: certainly QUIC.
    bool authenticated() const { return opened_; }
    bool version_negotiation() const { return version_negotiation_; }
    bool retry() const { return retry_; }
    /// The side that is the client, once that is known.
    std::optional<bool> client() const { return client_; }
    std::size_t memory() const { return pieces_.memory() + seed_.capacity(); }

  private:
    bool packet(const QuicPacket &packet, bool side);
    void initial(const QuicPacket &packet, bool side);
    bool open(const QuicPacket &packet, const QuicVersion &version, Bytes seed);
    void look(const QuicVersion &version);
    void google(Bytes datagram, bool side);
    void start_over();

    Assembly pieces_{kMaxHello};
    std::vector<std::uint8_t> seed_; // the connection id whose keys are in use
    std::optional<QuicKeys> keys_;   // of seed_, for the version
    const QuicVersion *keys_of_ = nullptr;
    std::optional<ClientHello> done_;
    std::optional<bool> client_;
    std::string user_agent_;
    std::uint32_t version_ = 0;
    unsigned attempts_ = 0;
    bool recognised_ = false;
    bool opened_ = false;
    bool wrong_ = false;
    bool version_negotiation_ = false;
    bool retry_ = false;
};

} // namespace l7
