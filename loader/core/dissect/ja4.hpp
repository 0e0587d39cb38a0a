// SPDX-License-Identifier: GPL-2.0-or-later
// The JA4 fingerprint of a TLS client: https://github.com/FoxIO-LLC/ja4, technical_details/JA4.md.
#pragma once

#include "core/base/bytes.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace l7 {

/// True for the values that clients invent so that servers learn to ignore them (RFC 8701).
constexpr bool is_grease(std::uint16_t value) {
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/// What the fingerprint is made of, in the order of the hello and without GREASE.
struct Ja4Input {
    char transport = 0;        ///< 't' TCP, 'q' QUIC, 'd' DTLS; 0: there is none
    std::uint16_t version = 0; ///< the best one offered
    bool server_name = false;  ///< the extension is there
    std::vector<std::uint16_t> ciphers = {};
    std::vector<std::uint16_t> extensions = {};
    std::vector<std::uint16_t> signature_algorithms = {};
    std::vector<std::uint8_t> first_alpn = {};
};

std::string ja4(const Ja4Input &input);

} // namespace l7
