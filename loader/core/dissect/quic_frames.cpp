// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/quic_frames.hpp"

#include "core/base/reader.hpp"

namespace l7 {

namespace {

enum QuicFrame : std::uint8_t {
    kPadding = 0x00,
    kPing = 0x01,
    kAck = 0x02,
    kAckEcn = 0x03,
    kCrypto = 0x06,
    kConnectionClose = 0x1c,
    kGooglePing = 0x07,
    kGoogleCrypto = 0x08,
};

void skip_ack(Reader &reader, bool ecn) {
    reader.varint(); // largest
    reader.varint(); // delay
    const std::uint64_t ranges = reader.varint();
    reader.varint(); // first range
    for (std::uint64_t i = 0; i < ranges && reader.ok(); i++) {
        reader.varint();
        reader.varint();
    }
    for (int i = 0; ecn && i < 3; i++)
        reader.varint();
}

void crypto(Reader &reader, Assembly &into) {
    const std::uint64_t offset = reader.varint();
    const std::uint64_t length = reader.varint();
    if (length > reader.rest().size()) {
        reader.take(reader.rest().size() + 1);
        return;
    }
    const Bytes data = reader.take(static_cast<std::size_t>(length));
    if (reader.ok())
        into.add(offset, data);
}

} // namespace

bool collect_quic_crypto(Bytes payload, bool google_frames, Assembly &into) {
    Reader reader(payload);
    while (reader.ok() && !reader.at_end()) {
        const std::uint8_t type = reader.u8();
        if (type == kPadding)
            continue;
        if (google_frames) {
            if (type == kGoogleCrypto)
                crypto(reader, into);
            else if (type != kGooglePing)
                return false;
            continue;
        }
        switch (type) {
        case kPing:
            break;
        case kAck:
        case kAckEcn:
            skip_ack(reader, type == kAckEcn);
            break;
        case kCrypto:
            crypto(reader, into);
            break;
        case kConnectionClose:
            return true; // nothing follows that matters
        default:
            return false;
        }
    }
    return reader.ok();
}

} // namespace l7
