// SPDX-License-Identifier: GPL-2.0-or-later
// The hellos of DTLS 1.0, 1.2 and 1.3 (RFC 6347, RFC 9147), put together from fragments.
#pragma once

#include "core/base/bytes.hpp"
#include "core/dissect/assembly.hpp"
#include "core/dissect/tls_hello.hpp"

#include <cstdint>
#include <optional>

namespace l7 {

/// Takes the datagrams of one flow in the order of arrival, those of both sides: the message's type
/// tells them apart. Bounded: one message of kMaxHello for each side.
class DtlsHello {
  public:
    /// Done: a ClientHello or a ServerHello is whole; more datagrams can bring the other, or the
    /// ClientHello that answers a HelloVerifyRequest. Wrong: this datagram, and all before it, have
    /// no record of DTLS; what follows a right one is never Wrong.
    Parse add(Bytes datagram);

    /// Null until it is there.
    const ClientHello *client() const { return client_.hello ? &*client_.hello : nullptr; }
    const ServerHello *server() const { return server_.hello ? &*server_.hello : nullptr; }

    /// What of the ClientHello came so far, for one that stays incomplete.
    ClientHello partial_client() const;

    /// Records that came in the clear and in order of their lengths.
    std::uint32_t records() const { return records_; }
    std::size_t memory() const { return client_.pieces.memory() + server_.pieces.memory(); }

  private:
    template <class Hello>
    struct Side {
        Assembly pieces{kMaxHello};
        std::uint16_t sequence = 0;
        std::uint32_t size = 0;
        std::optional<Hello> hello = {};
    };

    struct Fragment {
        std::uint8_t type;
        std::uint32_t size; ///< of the whole message
        std::uint16_t sequence;
        std::uint32_t offset;
        Bytes data;
    };

    bool record(std::uint8_t type, std::uint16_t epoch, Bytes content);
    bool handshake(Bytes content);
    template <class Hello>
    bool collect(Side<Hello> &side, const Fragment &fragment,
                 Parse (*parse)(Bytes, Hello &, TlsOver));

    Side<ClientHello> client_;
    Side<ServerHello> server_;
    std::uint32_t records_ = 0;
};

} // namespace l7
