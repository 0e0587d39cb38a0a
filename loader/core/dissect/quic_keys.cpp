// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/quic_keys.hpp"

#include <algorithm>
#include <climits>
#include <memory>
#include <openssl/evp.h>
#include <string>
#include <string_view>

namespace l7 {

namespace {

constexpr std::size_t kTag = 16;
constexpr std::size_t kSample = 16;
constexpr std::size_t kMaxNumber = 4;

template <auto free>
struct Free {
    template <class T>
    void operator()(T *what) const {
        free(what);
    }
};
using Digest = std::unique_ptr<EVP_MD, Free<EVP_MD_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER, Free<EVP_CIPHER_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;
using Secret = std::array<std::uint8_t, 32>;

/// OpenSSL takes longer to look an algorithm up than to run it on a packet: each thread does so
/// once.
struct Algorithms {
    Digest sha256{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
    Cipher ecb{EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr)};
    Cipher gcm{EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr)};
    DigestContext digest{EVP_MD_CTX_new()};
    CipherContext mask{EVP_CIPHER_CTX_new()};
    CipherContext open{EVP_CIPHER_CTX_new()};

    bool good() const { return sha256 && ecb && gcm && digest && mask && open; }
};

Algorithms &algorithms() {
    thread_local Algorithms all;
    return all;
}

/// RFC 2104 with SHA-256; keys are at most a block here.
bool hmac(Bytes key, Bytes first, Bytes second, Secret &out) {
    constexpr std::size_t kBlock = 64;
    Algorithms &all = algorithms();
    std::array<std::uint8_t, kBlock> inner{}, outer{};
    Secret hash{};

    if (!all.good() || key.size() > kBlock)
        return false;
    std::ranges::copy(key, inner.begin());
    outer = inner;
    for (std::size_t i = 0; i < kBlock; i++) {
        inner[i] ^= 0x36;
        outer[i] ^= 0x5c;
    }
    EVP_MD_CTX *const digest = all.digest.get();
    return EVP_DigestInit_ex2(digest, all.sha256.get(), nullptr) == 1 &&
           EVP_DigestUpdate(digest, inner.data(), kBlock) == 1 &&
           EVP_DigestUpdate(digest, first.data(), first.size()) == 1 &&
           EVP_DigestUpdate(digest, second.data(), second.size()) == 1 &&
           EVP_DigestFinal_ex(digest, hash.data(), nullptr) == 1 &&
           EVP_DigestInit_ex2(digest, all.sha256.get(), nullptr) == 1 &&
           EVP_DigestUpdate(digest, outer.data(), kBlock) == 1 &&
           EVP_DigestUpdate(digest, hash.data(), hash.size()) == 1 &&
           EVP_DigestFinal_ex(digest, out.data(), nullptr) == 1;
}

/// HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context; at most one block (RFC 5869).
bool expand(Bytes secret, std::string_view label, std::span<std::uint8_t> out) {
    constexpr std::string_view kPrefix = "tls13 ";
    std::array<std::uint8_t, 64> info{};
    Secret block{};

    info[1] = static_cast<std::uint8_t>(out.size());
    info[2] = static_cast<std::uint8_t>(kPrefix.size() + label.size());
    auto end = std::ranges::copy(kPrefix, info.begin() + 3).out;
    end = std::ranges::copy(label, end).out;
    *end++ = 0; // the context's length
    *end++ = 1; // the block's number
    const Bytes all(info.begin(), end);
    if (out.size() > block.size() || !hmac(secret, all, {}, block))
        return false;
    std::copy_n(block.begin(), out.size(), out.begin());
    return true;
}

} // namespace

std::optional<QuicKeys> quic_initial_keys(const QuicVersion &version, Bytes dcid, bool of_client) {
    Secret initial{}, secret{};
    QuicKeys keys{};
    const std::string prefix(version.labels);
    if (dcid.empty() || !hmac(version.salt, dcid, {}, initial) ||
        !expand(initial, of_client ? "client in" : "server in", secret) ||
        !expand(secret, prefix + "key", keys.key) || !expand(secret, prefix + "iv", keys.iv) ||
        !expand(secret, prefix + "hp", keys.hp))
        return std::nullopt;
    return keys;
}

std::optional<std::array<std::uint8_t, 5>> quic_header_mask(const QuicKeys &keys, Bytes sample) {
    Algorithms &all = algorithms();
    std::array<std::uint8_t, kSample * 2> block{};
    int size = 0;
    if (!all.good() || sample.size() != kSample ||
        EVP_EncryptInit_ex2(all.mask.get(), all.ecb.get(), keys.hp.data(), nullptr, nullptr) != 1 ||
        EVP_EncryptUpdate(all.mask.get(), block.data(), &size, sample.data(), kSample) != 1 ||
        size < 5)
        return std::nullopt;
    std::array<std::uint8_t, 5> mask{};
    std::copy_n(block.begin(), mask.size(), mask.begin());
    return mask;
}

std::optional<std::vector<std::uint8_t>> open_quic_initial(const QuicPacket &packet,
                                                           const QuicKeys &keys) {
    if (packet.whole.size() > INT_MAX || packet.whole.size() - packet.number < kMaxNumber + kSample)
        return std::nullopt;
    const auto mask =
        quic_header_mask(keys, packet.whole.subspan(packet.number + kMaxNumber, kSample));
    if (!mask)
        return std::nullopt;
    const auto first = static_cast<std::uint8_t>(packet.whole[0] ^ ((*mask)[0] & 0x0f));
    const std::size_t number_size = (first & 3U) + 1;
    const std::size_t start = packet.number + number_size;
    std::vector<std::uint8_t> header(packet.whole.begin(),
                                     packet.whole.begin() + static_cast<std::ptrdiff_t>(start));
    header[0] = first;
    // Those of an Initial are small: what was sent of the number is all of it.
    std::array<std::uint8_t, 12> nonce = keys.iv;
    for (std::size_t i = 0; i < number_size; i++) {
        header[packet.number + i] ^= (*mask)[1 + i];
        nonce[nonce.size() - number_size + i] ^= header[packet.number + i];
    }
    const Bytes text = packet.whole.subspan(start, packet.whole.size() - start - kTag);
    if (text.empty())
        return std::nullopt;
    std::array<std::uint8_t, kTag> tag{};
    std::ranges::copy(packet.whole.last(kTag), tag.begin());

    Algorithms &all = algorithms();
    EVP_CIPHER_CTX *const context = all.open.get();
    std::vector<std::uint8_t> out(text.size());
    int size = 0, last = 0;
    if (!all.good() ||
        EVP_DecryptInit_ex2(context, all.gcm.get(), keys.key.data(), nonce.data(), nullptr) != 1 ||
        EVP_DecryptUpdate(context, nullptr, &size, header.data(),
                          static_cast<int>(header.size())) != 1 ||
        EVP_DecryptUpdate(context, out.data(), &size, text.data(), static_cast<int>(text.size())) !=
            1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) != 1 ||
        EVP_DecryptFinal_ex(context, out.data() + size, &last) != 1)
        return std::nullopt;
    return out;
}

} // namespace l7
