// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/ja4.hpp"

#include "core/base/text.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <string_view>

namespace l7 {

namespace {

constexpr std::uint16_t kServerName = 0x0000, kAlpn = 0x0010;
constexpr std::size_t kHashDigits = 12;

std::string_view version_code(std::uint16_t version) {
    switch (version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0002:
        return "s2";
    case 0xfeff:
        return "d1";
    case 0xfefd:
        return "d2";
    case 0xfefc:
        return "d3";
    default:
        return "00";
    }
}

/// First and last character, of the hexadecimal digits where either is no letter or digit.
std::string alpn_code(Bytes alpn) {
    if (alpn.empty())
        return "00";
    const std::uint8_t first = alpn.front(), last = alpn.back();
    if (is_alphanumeric(static_cast<char>(first)) && is_alphanumeric(static_cast<char>(last)))
        return {static_cast<char>(first), static_cast<char>(last)};
    return fmt::format("{:x}{:x}", first >> 4, last & 0xf);
}

constexpr std::string_view kHex = "0123456789abcdef";

std::string listed(const std::vector<std::uint16_t> &values) {
    std::string out;
    out.reserve(values.size() * 5);
    for (const std::uint16_t value : values) {
        if (!out.empty())
            out += ',';
        for (const unsigned shift : {12U, 8U, 4U, 0U})
            out += kHex[value >> shift & 0xfU];
    }
    return out;
}

std::string hashed(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    if (text.empty() ||
        EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
        return std::string(kHashDigits, '0');
    std::string out;
    for (std::size_t i = 0; i < kHashDigits / 2; i++) {
        out += kHex[digest[i] >> 4];
        out += kHex[digest[i] & 0xfU];
    }
    return out;
}

} // namespace

std::string ja4(const Ja4Input &input) {
    auto ciphers = input.ciphers;
    std::ranges::sort(ciphers);

    auto extensions = input.extensions;
    std::erase_if(extensions, [](auto type) { return type == kServerName || type == kAlpn; });
    std::ranges::sort(extensions);
    std::string features = listed(extensions);
    if (!features.empty() && !input.signature_algorithms.empty())
        features += '_' + listed(input.signature_algorithms);

    const auto count = [](const auto &list) { return std::min<std::size_t>(list.size(), 99); };
    return fmt::format("{}{}{}{:02}{:02}{}_{}_{}", input.transport, version_code(input.version),
                       input.server_name ? 'd' : 'i', count(input.ciphers), count(input.extensions),
                       alpn_code(input.first_alpn), hashed(listed(ciphers)), hashed(features));
}

} // namespace l7
