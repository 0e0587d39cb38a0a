// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/quic_keys.hpp"

#include <algorithm>
#include <climits>
#include <memory>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
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
using Kdf = std::unique_ptr<EVP_KDF, Free<EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Free<EVP_KDF_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;
using Secret = std::array<std::uint8_t, 32>;

/// OpenSSL's parameters take what they only read as if they wrote it.
OSSL_PARAM octets(const char *name, Bytes data) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t *>(data.data()),
                                             data.size());
}

/// HKDF with SHA-256, looked up once for all that is derived for a packet.
class Hkdf {
  public:
    Hkdf() : kdf_(EVP_KDF_fetch(nullptr, "HKDF", nullptr)) {
        if (kdf_)
            context_.reset(EVP_KDF_CTX_new(kdf_.get()));
    }

    bool extract(Bytes salt, Bytes secret, Secret &out) {
        return run(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, secret, octets(OSSL_KDF_PARAM_SALT, salt), out);
    }

    /// HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context.
    bool expand(Bytes secret, std::string_view label, std::span<std::uint8_t> out) {
        const std::string full = "tls13 " + std::string(label);
        std::vector<std::uint8_t> info{static_cast<std::uint8_t>(out.size() >> 8),
                                       static_cast<std::uint8_t>(out.size()),
                                       static_cast<std::uint8_t>(full.size())};
        info.insert(info.end(), full.begin(), full.end());
        info.push_back(0);
        return run(EVP_KDF_HKDF_MODE_EXPAND_ONLY, secret, octets(OSSL_KDF_PARAM_INFO, info), out);
    }

  private:
    bool run(int mode, Bytes key, OSSL_PARAM more, std::span<std::uint8_t> out) {
        if (!context_)
            return false;
        EVP_KDF_CTX_reset(context_.get());
        char digest[] = "SHA256";
        const OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
            OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode), octets(OSSL_KDF_PARAM_KEY, key),
            more, OSSL_PARAM_construct_end()};
        return EVP_KDF_derive(context_.get(), out.data(), out.size(), params) == 1;
    }

    Kdf kdf_;
    KdfContext context_;
};

} // namespace

std::optional<QuicKeys> quic_initial_keys(const QuicVersion &version, Bytes dcid, bool of_client) {
    Hkdf hkdf;
    Secret initial{}, secret{};
    QuicKeys keys{};
    const std::string prefix(version.labels);
    if (dcid.empty() || !hkdf.extract(version.salt, dcid, initial) ||
        !hkdf.expand(initial, of_client ? "client in" : "server in", secret) ||
        !hkdf.expand(secret, prefix + "key", keys.key) ||
        !hkdf.expand(secret, prefix + "iv", keys.iv) ||
        !hkdf.expand(secret, prefix + "hp", keys.hp))
        return std::nullopt;
    return keys;
}

std::optional<std::array<std::uint8_t, 5>> quic_header_mask(const QuicKeys &keys, Bytes sample) {
    const CipherContext context(EVP_CIPHER_CTX_new());
    std::array<std::uint8_t, kSample * 2> block{};
    int size = 0;
    if (!context || sample.size() != kSample ||
        EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, keys.hp.data(), nullptr) !=
            1 ||
        EVP_EncryptUpdate(context.get(), block.data(), &size, sample.data(), kSample) != 1 ||
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

    const CipherContext context(EVP_CIPHER_CTX_new());
    std::vector<std::uint8_t> out(text.size());
    int size = 0, last = 0;
    if (!context ||
        EVP_DecryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, keys.key.data(),
                           nonce.data()) != 1 ||
        EVP_DecryptUpdate(context.get(), nullptr, &size, header.data(),
                          static_cast<int>(header.size())) != 1 ||
        EVP_DecryptUpdate(context.get(), out.data(), &size, text.data(),
                          static_cast<int>(text.size())) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) != 1 ||
        EVP_DecryptFinal_ex(context.get(), out.data() + size, &last) != 1)
        return std::nullopt;
    return out;
}

} // namespace l7
