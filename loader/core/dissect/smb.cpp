// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/smb.hpp"

#include "core/base/parse.hpp"
#include "core/base/reader.hpp"
#include "core/dissect/smb_messages.hpp"
#include "core/dissect/tls.hpp"

#include <algorithm>
#include <array>

namespace l7 {

namespace {

// What the four bytes in front of each message can be: RFC 1002, 4.3.1.
constexpr std::uint8_t kMessage = 0, kSessionRequest = 0x81, kSessionAccepted = 0x82,
                       kKeepAlive = 0x85;
constexpr std::size_t kRequestSize = 68; // two names of 34 bytes
constexpr std::size_t kFrame = 4;

// How messages begin, before "SMB".
constexpr std::uint8_t kVersion1 = 0xff, kVersion2 = 0xfe, kEncrypted = 0xfd, kCompressed = 0xfc;
constexpr std::size_t kMagic = 4;
constexpr std::size_t kMaxMessage1 = 0x1ffff;
constexpr std::size_t kEncryptedHeader = 52, kCompressedHeader = 16;

bool is_session_frame(std::uint8_t type, std::size_t size) {
    return (type == kSessionRequest && size == kRequestSize) ||
           ((type == kSessionAccepted || type == kKeepAlive) && size == 0);
}

bool has_magic(Bytes message) {
    constexpr std::string_view kName = "SMB";
    return (message.empty() || message[0] >= kCompressed) &&
           (message.size() < 2 || kName.starts_with(text_of(message).substr(1, kName.size())));
}

/// Whether a message of `size` bytes can begin like this.
Parse check(Bytes message, std::size_t size) {
    if (!has_magic(message))
        return Parse::Wrong;
    if (message.size() < kMagic)
        return Parse::More;
    Reader reader(message.subspan(kMagic));
    switch (message[0]) {
    case kVersion1:
        return size >= kSmb1Header + 3 && size <= kMaxMessage1 ? Parse::Done : Parse::Wrong;
    case kVersion2: {
        const bool right = reader.le16() == kSmb2Header && size >= kSmb2Header + 4;
        return !reader.ok() ? Parse::More : right ? Parse::Done : Parse::Wrong;
    }
    case kEncrypted:
        return size >= kEncryptedHeader + kSmb2Header ? Parse::Done : Parse::Wrong;
    default: {
        const bool right = reader.le32() <= 0x00ffffff && size >= kCompressedHeader;
        return !reader.ok() ? Parse::More : right ? Parse::Done : Parse::Wrong;
    }
    }
}

class Smb final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        std::size_t &at = at_[view.direction];
        while (true) {
            Reader reader(view.data.subspan(std::min(at, view.data.size())));
            const std::uint8_t type = reader.u8();
            const std::size_t size = reader.u24();
            if (!reader.ok())
                break;
            if (type == kMessage) {
                const Bytes message =
                    reader.take(std::min<std::size_t>(size, reader.rest().size()));
                const Parse parsed = check(message, size);
                if (parsed == Parse::Wrong)
                    return Progress::NotMine;
                if (parsed == Parse::More)
                    break;
                facts.protocol = "smb";
                if (!read(message, size, facts))
                    return Progress::Done;
                if (message.size() < size)
                    break;
            } else if (!is_session_frame(type, size)) {
                return Progress::NotMine;
            }
            at += kFrame + size;
        }
        return facts.protocol.empty() ? Progress::More : Progress::Known;
    }

  private:
    /// False: nothing more will be learnt.
    bool read(Bytes message, std::size_t size, Facts &facts) {
        if (message[0] == kEncrypted) {
            add_detail(facts, "encrypted", "yes");
            return false;
        }
        if (message[0] == kCompressed) {
            if (!compressed_)
                add_detail(facts, "compressed", "yes");
            compressed_ = true;
            return true;
        }
        if (message.size() < size)
            return true; // it is read when it is whole
        const bool chosen = !session_.dialect.empty();
        if (message[0] == kVersion1)
            read_smb1(message, session_);
        else
            read_smb2(message, session_);
        if (!chosen)
            add_detail(facts, "dialect", session_.dialect);
        facts.hostname = session_.server;
        return !session_.set_up && (session_.dialect.empty() || session_.server.empty());
    }

    SmbSession session_;
    std::array<std::size_t, 2> at_{}; ///< how far each direction's stream has been read
    bool compressed_ = false;
};

} // namespace

bool smb_begins(const View &view) {
    const Bytes data = view.data;
    if (data.size() < kFrame)
        return data[0] == kMessage || data[0] == kSessionRequest || data[0] == kSessionAccepted;
    const std::size_t size = Reader(data.subspan(1)).u24();
    return data[0] == kMessage ? size > kSmb1Header / 2 && has_magic(data.subspan(kFrame))
                               : is_session_frame(data[0], size);
}

std::unique_ptr<Dissector> make_smb() {
    return std::make_unique<Smb>();
}

} // namespace l7
