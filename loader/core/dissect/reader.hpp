// SPDX-License-Identifier: GPL-2.0-or-later
// Bytes read in order, without ever going past their end.
#pragma once

#include "core/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace l7 {

inline std::string_view text_of(Bytes data) {
    return {reinterpret_cast<const char *>(data.data()), data.size()};
}

class Reader {
  public:
    explicit Reader(Bytes data, std::size_t at = 0) : data_(data), at_(at) {}

    /// False once anything was read that is not there; what was read then is 0 or empty.
    bool good() const { return good_; }
    std::size_t at() const { return at_; }
    std::size_t left() const { return at_ <= data_.size() ? data_.size() - at_ : 0; }

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t be16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t be24() { return number(3); }
    std::uint32_t be32() { return number(4); }

    Bytes take(std::size_t count) {
        if (count > left()) {
            good_ = false;
            return {};
        }
        const Bytes out = data_.subspan(at_, count);
        at_ += count;
        return out;
    }
    void skip(std::size_t count) { (void)take(count); }

  private:
    std::uint32_t number(std::size_t count) {
        std::uint32_t out = 0;
        for (const std::uint8_t byte : take(count))
            out = out << 8 | byte;
        return out;
    }

    Bytes data_;
    std::size_t at_;
    bool good_ = true;
};

} // namespace l7
