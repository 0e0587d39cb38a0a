// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/hpack.hpp"

#include "core/base/reader.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace l7 {

namespace {

struct StaticField {
    std::string_view name, value;
};

/// RFC 7541, appendix A; numbered from 1.
constexpr StaticField kStatic[] = {
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
};
constexpr std::size_t kStaticCount = std::size(kStatic);
static_assert(kStaticCount == 61);

constexpr unsigned kLongestCode = 30;
constexpr std::size_t kEndOfString = 256;

/// Bits of each symbol's code in RFC 7541, appendix B. The code is canonical: codes of one length
/// follow each other in the order of their symbols, so that the lengths are all there is to it.
constexpr std::uint8_t kCodeBits[kEndOfString + 1] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, // 0x00
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, // 0x10
    6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,  // ' '
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, // '0'
    13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  // '@'
    7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,  // 'P'
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  // '`'
    6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28, // 'p'
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, // 0x80
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, // 0x90
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, // 0xa0
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, // 0xb0
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, // 0xc0
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, // 0xd0
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, // 0xe0
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, // 0xf0
    30,                                                             // end of string
};

/// For each length of codes: the first code, how many there are, where their symbols begin.
struct Codes {
    struct Length {
        std::uint32_t first = 0;
        std::uint16_t count = 0;
        std::uint16_t at = 0;
    };
    std::array<Length, kLongestCode + 1> lengths{};
    std::array<std::uint16_t, kEndOfString + 1> symbols{};

    constexpr Codes() {
        std::uint32_t code = 0;
        std::uint16_t at = 0;
        for (unsigned bits = 1; bits <= kLongestCode; bits++) {
            code <<= 1;
            lengths[bits] = {code, 0, at};
            for (std::uint16_t symbol = 0; symbol <= kEndOfString; symbol++)
                if (kCodeBits[symbol] == bits) {
                    symbols[at++] = symbol;
                    lengths[bits].count++;
                    code++;
                }
        }
    }
};
constexpr Codes kCodes;
static_assert(kCodes.lengths[5].count == 10 && kCodes.lengths[6].first == 0x14);
static_assert(kCodes.lengths[kLongestCode].first + 3 == 0x3fffffff, "the longest is all ones");

/// RFC 7541, 5.1. Numbers beyond any use here are refused.
Parse read_integer(Reader &reader, std::uint8_t first, unsigned prefix_bits, std::size_t &out) {
    constexpr unsigned kMostShift = 21;
    const std::size_t mask = (std::size_t{1} << prefix_bits) - 1;

    out = first & mask;
    if (out < mask)
        return Parse::Done;
    for (unsigned shift = 0; shift <= kMostShift; shift += 7) {
        const std::uint8_t byte = reader.u8();
        if (!reader.ok())
            return Parse::More;
        out += std::size_t{byte & 0x7fU} << shift;
        if (!(byte & 0x80))
            return Parse::Done;
    }
    return Parse::Wrong;
}

/// RFC 7541, 5.2.
Parse read_string(Reader &reader, std::string &out) {
    const std::uint8_t first = reader.u8();
    if (!reader.ok())
        return Parse::More;
    std::size_t size = 0;
    if (const Parse parsed = read_integer(reader, first, 7, size); parsed != Parse::Done)
        return parsed;
    const Bytes raw = reader.take(size);
    if (!reader.ok())
        return Parse::More;
    if (!(first & 0x80)) {
        out = text_of(raw);
        return Parse::Done;
    }
    auto text = read_huffman(raw);
    if (!text)
        return Parse::Wrong;
    out = std::move(*text);
    return Parse::Done;
}

/// One block. Its dynamic table is the fields that it added, by their places in `out`: none is
/// older.
class Block {
  public:
    Block(Bytes block, std::vector<HeaderField> &out) : reader_(block), out_(out) {}

    Parse read() {
        while (!reader_.at_end()) {
            if (const Parse parsed = read_one(reader_.u8()); parsed != Parse::Done)
                return parsed;
            if (out_.size() >= kMaxFields || bytes_ >= kMaxFieldBytes)
                return Parse::More;
        }
        return Parse::Done;
    }

  private:
    static constexpr std::size_t kFieldOverhead = 32; // RFC 7541, 4.1

    Parse read_one(std::uint8_t first) {
        if (first & 0x80)
            return indexed(first);
        if (first & 0x40)
            return literal(first, 6, true);
        if (first & 0x20)
            return resize(first);
        return literal(first, 4, false);
    }

    Parse indexed(std::uint8_t first) { // RFC 7541, 6.1
        std::size_t index = 0;
        if (const Parse parsed = read_integer(reader_, first, 7, index); parsed != Parse::Done)
            return parsed;
        HeaderField field;
        if (!look_up(index, field))
            return Parse::Wrong;
        put(std::move(field));
        return Parse::Done;
    }

    Parse literal(std::uint8_t first, unsigned prefix_bits, bool add) { // RFC 7541, 6.2
        std::size_t index = 0;
        HeaderField field;
        if (const Parse parsed = read_integer(reader_, first, prefix_bits, index);
            parsed != Parse::Done)
            return parsed;
        if (index == 0) {
            if (const Parse parsed = read_string(reader_, field.name); parsed != Parse::Done)
                return parsed;
        } else if (!look_up(index, field)) {
            return Parse::Wrong;
        }
        if (const Parse parsed = read_string(reader_, field.value); parsed != Parse::Done)
            return parsed;
        put(std::move(field));
        if (add)
            insert();
        return Parse::Done;
    }

    /// RFC 7541, 6.3: only in front of the fields. What the peer's SETTINGS allow is not known.
    Parse resize(std::uint8_t first) {
        std::size_t size = 0;
        if (!out_.empty())
            return Parse::Wrong;
        const Parse parsed = read_integer(reader_, first, 5, size);
        if (parsed == Parse::Done)
            table_limit_ = size;
        return parsed;
    }

    bool look_up(std::size_t index, HeaderField &field) const {
        if (index == 0 || index > kStaticCount + table_.size() - oldest_)
            return false;
        if (index <= kStaticCount) {
            field.name = kStatic[index - 1].name;
            field.value = kStatic[index - 1].value;
        } else {
            field = out_[table_[table_.size() - (index - kStaticCount)]];
        }
        return true;
    }

    void put(HeaderField &&field) {
        bytes_ += field.name.size() + field.value.size();
        out_.push_back(std::move(field));
    }

    static std::size_t size_of(const HeaderField &field) {
        return field.name.size() + field.value.size() + kFieldOverhead;
    }

    /// The last field of `out` enters the table, and the oldest leave it (RFC 7541, 4.4).
    void insert() {
        table_.push_back(out_.size() - 1);
        table_bytes_ += size_of(out_.back());
        while (table_bytes_ > table_limit_)
            table_bytes_ -= size_of(out_[table_[oldest_++]]);
    }

    Reader reader_;
    std::vector<HeaderField> &out_;
    std::size_t bytes_ = 0;
    std::vector<std::size_t> table_; ///< from the oldest ever to the newest
    std::size_t oldest_ = 0;         ///< of table_, that is still in
    std::size_t table_bytes_ = 0;
    std::size_t table_limit_ = 4096; ///< RFC 9113, 6.5.2
};

} // namespace

std::optional<std::string> read_huffman(Bytes coded) {
    constexpr unsigned kMostPadding = 7;
    std::string out;
    std::uint32_t code = 0;
    unsigned bits = 0;

    for (const std::uint8_t byte : coded)
        for (unsigned bit = 8; bit-- > 0;) {
            code = code << 1 | (byte >> bit & 1U);
            const Codes::Length &length = kCodes.lengths[++bits];
            if (code - length.first < length.count) {
                const std::uint16_t symbol = kCodes.symbols[length.at + code - length.first];
                if (symbol == kEndOfString)
                    return std::nullopt;
                out += static_cast<char>(symbol);
                code = bits = 0;
            }
        }
    // What is left over is the front of the code that ends strings: ones.
    if (bits > kMostPadding || code != (1U << bits) - 1)
        return std::nullopt;
    return out;
}

Parse read_header_block(Bytes block, std::vector<HeaderField> &out) {
    out.clear();
    return Block(block, out).read();
}

} // namespace l7
