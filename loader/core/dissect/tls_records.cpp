// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/tls_records.hpp"

#include "core/base/reader.hpp"
#include "core/dissect/tls_types.hpp"

#include <algorithm>

namespace l7 {

namespace {

constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMaxPlaintext = 1U << 14;
constexpr std::size_t kMaxCiphertext = kMaxPlaintext + 2048;
constexpr std::size_t kMessageHeader = 4;

bool version_fits(std::uint16_t version) {
    return version >> 8 == 3 && (version & 0xff) <= 4;
}

/// Alert descriptions of RFC 8446 section 6 and its forerunners, those in use and those reserved.
bool is_alert(std::uint8_t level, std::uint8_t description) {
    return (level == 1 || level == 2) &&
           (description == 0 || description == 10 || (description >= 20 && description <= 22) ||
            description == 30 || (description >= 40 && description <= 51) || description == 60 ||
            description == 70 || description == 71 || description == 80 || description == 86 ||
            description == 90 || description == 100 || (description >= 109 && description <= 121));
}

bool is_hello(std::uint8_t type) {
    return type == kClientHello || type == kServerHello;
}

Parse read_alert(Reader &reader, std::size_t length, TlsStart &out) {
    if (length != 2)
        return Parse::Wrong;
    const std::uint8_t level = reader.u8(), description = reader.u8();
    if (!reader.ok())
        return Parse::More;
    if (!is_alert(level, description))
        return Parse::Wrong;
    out.alert = description;
    return Parse::Done;
}

Parse read_ssl2_start(Bytes stream, TlsStart &out) {
    ClientHello hello;
    const Parse state = parse_ssl2_client_hello(stream, hello);
    out.ssl2 = true;
    out.record_version = hello.legacy_version;
    if (state == Parse::Done) {
        const std::size_t size = 2 + ((stream[0] & 0x7fU) << 8 | stream[1]);
        out.message.assign(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return state;
}

/// The whole size of the message that begins like this; 0 while that is not known.
std::size_t size_of(Bytes message) {
    Reader reader(message);
    reader.u8();
    const std::size_t size = reader.u24();
    return reader.ok() ? size + kMessageHeader : 0;
}

/// Goes from record header to record header.
class Records {
  public:
    explicit Records(Bytes stream) : reader_(stream) {}

    /// The next header, which must follow in the same manner. False: it does not, or is not there
    /// as a whole.
    bool next() {
        if (reader_.at_end())
            return false;
        const std::uint8_t type = reader_.u8();
        const std::uint16_t version = reader_.u16();
        const std::size_t length = reader_.u16();
        if (!reader_.ok())
            return false;
        wrong_ = type < kTlsChangeCipherSpec || type > kTlsHeartbeat || !version_fits(version) ||
                 (version_ != 0 && version != version_) || length == 0 || length > kMaxCiphertext ||
                 (type == kTlsChangeCipherSpec && length != 1);
        if (wrong_)
            return false;
        version_ = version;
        ends_ = length == reader_.rest().size();
        reader_.take(length);
        return true;
    }

    bool wrong() const { return wrong_; }
    /// True when the data ends with the record that next() came to.
    bool ends() const { return ends_; }

  private:
    Reader reader_;
    std::uint16_t version_ = 0;
    bool wrong_ = false;
    bool ends_ = false;
};

/// Records in a row from the first byte on; the data's end at a record's end counts as one more.
unsigned records_in_row(Bytes stream, unsigned enough) {
    unsigned count = 0;
    for (Records records(stream); count < enough;) {
        if (!records.next())
            return records.wrong() ? 0 : count;
        count += records.ends() ? 2 : 1;
    }
    return count;
}

} // namespace

Parse read_tls_start(Bytes stream, TlsStart &out) {
    out.message.clear();
    out.alert.reset();
    out.ssl2 = false;
    out.record_version = 0;
    if (stream.empty())
        return Parse::More;
    if (stream[0] & 0x80)
        return read_ssl2_start(stream, out);
    if (stream[0] != kTlsHandshake && stream[0] != kTlsAlert)
        return Parse::Wrong;

    for (Reader reader(stream); !reader.at_end();) {
        const std::uint8_t type = reader.u8();
        if (out.message.empty() ? type != stream[0] : type != kTlsHandshake)
            return Parse::Wrong;
        if (reader.rest().size() >= 1 && reader.rest()[0] != 3)
            return Parse::Wrong;
        const std::uint16_t version = reader.u16();
        if (reader.ok() && !version_fits(version))
            return Parse::Wrong;
        const std::size_t length = reader.u16();
        if (!reader.ok())
            return Parse::More;
        if (length == 0 || length > kMaxPlaintext)
            return Parse::Wrong;
        if (out.record_version == 0)
            out.record_version = version;
        if (type == kTlsAlert)
            return read_alert(reader, length, out);

        const Bytes part = reader.take(std::min(length, reader.rest().size()));
        out.message.insert(out.message.end(), part.begin(), part.end());
        if (!out.message.empty() && !is_hello(out.message[0]))
            return Parse::Wrong;
        const std::size_t size = size_of(out.message);
        if (size > kMaxHello)
            return Parse::Wrong;
        if (size != 0 && out.message.size() >= size) {
            out.message.resize(size);
            return Parse::Done;
        }
        if (part.size() < length)
            return Parse::More;
    }
    return Parse::More;
}

bool looks_like_tls_record_stream(Bytes stream) {
    constexpr unsigned kFromStart = 2, kFromWithin = 3;
    if (records_in_row(stream, kFromStart) >= kFromStart)
        return true;
    stream = stream.first(std::min(stream.size(), kMaxHello));
    for (std::size_t at = 1; at + kRecordHeader < stream.size(); at++)
        if (stream[at] >= kTlsChangeCipherSpec && stream[at] <= kTlsHeartbeat &&
            stream[at + 1] == 3 && records_in_row(stream.subspan(at), kFromWithin) >= kFromWithin)
            return true;
    return false;
}

} // namespace l7
