// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/quic_initial.hpp"

#include "core/dissect/google_quic.hpp"
#include "core/dissect/quic_frames.hpp"

#include <algorithm>

namespace l7 {

Parse QuicInitial::add(Bytes datagram, bool side) {
    if (done_)
        return Parse::Done;
    if (google_quic_version(datagram)) {
        google(datagram, side);
    } else if (is_google_rejection(datagram)) {
        recognised_ = true;
        client_ = !side;
    } else {
        // Packets are coalesced into a datagram, and datagrams into one where the kernel segments
        // late: one walk does for both.
        for (unsigned i = 0; i < kCoalesced && !datagram.empty() && !done_; i++) {
            const auto next = read_quic_packet(datagram);
            if (!next || !packet(*next, side))
                break;
            datagram = datagram.subspan(next->whole.size());
        }
    }
    if (done_)
        return Parse::Done;
    return recognised_ && !wrong_ ? Parse::More : Parse::Wrong;
}

ClientHello QuicInitial::hello() const {
    if (done_)
        return *done_;
    ClientHello out;
    (void)parse_client_hello(pieces_.prefix(), out, TlsOver::Quic);
    return out;
}

/// False where the rest of the datagram is not worth a look.
bool QuicInitial::packet(const QuicPacket &packet, bool side) {
    switch (packet.type) {
    case QuicType::VersionNegotiation: // the hello that follows it is another
    case QuicType::Retry:              // the hello comes again, under keys of the id in it
        if (client_ && *client_ == side)
            return false;
        recognised_ = true;
        client_ = !side;
        if (packet.type == QuicType::Retry) {
            retry_ = true;
            version_ = packet.version;
        } else {
            version_negotiation_ = true;
            start_over();
        }
        return false;
    case QuicType::Initial:
        if (!quic_version(packet.version)) {
            if (!is_reserved_quic_version(packet.version))
                return false;
            recognised_ = true;
            version_ = packet.version;
            return false;
        }
        initial(packet, side);
        break;
    case QuicType::ZeroRtt:
    case QuicType::Handshake:
        break;
    }
    recognised_ = true;
    version_ = packet.version;
    return true;
}

void QuicInitial::initial(const QuicPacket &packet, bool side) {
    const QuicVersion &version = *quic_version(packet.version);
    if (client_ && side != *client_)
        return; // the keys of servers are of no use: their hello says less than the client's
    // The keys stay while the id changes to the server's choice; after a Retry, and for another
    // connection over the same ports, they are those of the id in the packet.
    if ((!seed_.empty() && open(packet, version, seed_)) ||
        (!std::ranges::equal(seed_, packet.dcid) && open(packet, version, packet.dcid)))
        client_ = side;
}

bool QuicInitial::open(const QuicPacket &packet, const QuicVersion &version, Bytes seed) {
    if (attempts_ >= kAttempts || seed.empty())
        return false;
    attempts_++;
    const bool in_use = keys_ && keys_of_ == &version && std::ranges::equal(seed_, seed);
    const auto keys = in_use ? keys_ : quic_initial_keys(version, seed, true);
    const auto payload = keys ? open_quic_initial(packet, *keys) : std::nullopt;
    if (!payload)
        return false;
    opened_ = true;
    if (!std::ranges::equal(seed_, seed)) {
        start_over();
        seed_.assign(seed.begin(), seed.end());
    }
    keys_ = keys;
    keys_of_ = &version;
    collect_quic_crypto(*payload, version.google_frames, pieces_);
    look(version);
    return true;
}

void QuicInitial::look(const QuicVersion &version) {
    const Bytes prefix = pieces_.prefix();
    if (prefix.empty())
        return;
    ClientHello hello;
    Parse state = parse_client_hello(prefix, hello, TlsOver::Quic);
    if (state == Parse::Wrong && version.google_frames) {
        GoogleHello other;
        state = parse_google_hello(prefix, other);
        hello = {};
        hello.server_name = other.server_name;
        user_agent_ = other.user_agent;
    }
    if (state == Parse::Done)
        done_ = std::move(hello);
    wrong_ = state == Parse::Wrong;
}

void QuicInitial::google(Bytes datagram, bool side) {
    version_ = *google_quic_version(datagram);
    recognised_ = true;
    GoogleHello found;
    if (find_google_hello(datagram, found) != Parse::Done)
        return;
    client_ = side;
    user_agent_ = found.user_agent;
    done_.emplace().server_name = found.server_name;
}

void QuicInitial::start_over() {
    pieces_.clear();
    seed_.clear();
    keys_.reset();
    wrong_ = false;
}

} // namespace l7
