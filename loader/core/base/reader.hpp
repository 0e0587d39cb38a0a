// SPDX-License-Identifier: GPL-2.0-or-later
// Takes fields off the front of untrusted bytes.
#pragma once

#include "core/base/bytes.hpp"

#include <cstddef>
#include <cstdint>

namespace l7 {

/// Numbers are in network byte order, but for le16() and le32(). Asking for more than is left makes
/// the reader fail for good: from then on it gives zeros and nothing, so one look at ok() after
/// several fields is enough.
class Reader {
  public:
    explicit Reader(Bytes data) : data_(data) {}

    bool ok() const { return !failed_; }
    bool at_end() const { return at_ == data_.size(); }
    std::size_t at() const { return at_; }
    Bytes rest() const { return data_.subspan(at_); }

    Bytes take(std::size_t size) {
        if (size > data_.size() - at_)
            return fail(), Bytes{};
        const Bytes out = data_.subspan(at_, size);
        at_ += size;
        return out;
    }

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u24() { return static_cast<std::uint32_t>(number(3)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }

    std::uint16_t le16() {
        const auto low = u8();
        return static_cast<std::uint16_t>(u8() << 8 | low);
    }
    std::uint32_t le32() {
        const std::uint32_t low = le16();
        return std::uint32_t{le16()} << 16 | low;
    }

    /// A vector behind its length in so many bytes.
    Bytes vector(std::size_t length_bytes) {
        return take(static_cast<std::size_t>(number(length_bytes)));
    }

    /// The variable-length integer of RFC 9000 section 16.
    std::uint64_t varint() {
        if (failed_ || at_end())
            return fail(), 0;
        const std::size_t size = std::size_t{1} << (data_[at_] >> 6);
        const std::uint64_t mask = (std::uint64_t{1} << (size * 8 - 2)) - 1;
        return number(size) & mask;
    }

  private:
    void fail() {
        failed_ = true;
        at_ = data_.size();
    }

    std::uint64_t number(std::size_t size) {
        std::uint64_t out = 0;
        for (const std::uint8_t byte : take(size))
            out = out << 8 | byte;
        return out;
    }

    Bytes data_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

} // namespace l7
