// SPDX-License-Identifier: GPL-2.0-or-later
#include "hellos.hpp"

#include "core/dissect/quic_keys.hpp"

#include <algorithm>
#include <memory>
#include <openssl/evp.h>
#include <stdexcept>

namespace l7::test {

void put(Buffer &out, std::uint64_t value, unsigned bytes) {
    while (bytes-- > 0)
        out.push_back(static_cast<std::uint8_t>(value >> bytes * 8));
}

Buffer join(const std::vector<Buffer> &parts) {
    Buffer out;
    for (const Buffer &part : parts)
        out.insert(out.end(), part.begin(), part.end());
    return out;
}

Buffer with_length(const Buffer &content, unsigned bytes) {
    Buffer out;
    put(out, content.size(), bytes);
    return join({out, content});
}

Buffer numbers(const std::vector<std::uint16_t> &values, unsigned length_bytes) {
    Buffer out;
    for (const std::uint16_t value : values)
        put(out, value, 2);
    return with_length(out, length_bytes);
}

Buffer handshake(std::uint8_t type, const Buffer &body) {
    return join({{type}, with_length(body, 3)});
}

Extension server_name(std::string_view name) {
    return {0, with_length(join({{0}, with_length(bytes_of(name), 2)}), 2)};
}

Extension alpn(const std::vector<Buffer> &names) {
    Buffer list;
    for (const Buffer &name : names)
        list = join({list, with_length(name, 1)});
    return {16, with_length(list, 2)};
}

Extension alpn(const std::vector<std::string> &names) {
    std::vector<Buffer> out;
    for (const std::string &name : names)
        out.push_back(bytes_of(name));
    return alpn(out);
}

Buffer client_hello(const Hello &hello) {
    Buffer body;
    put(body, hello.version, 2);
    body.insert(body.end(), 32, 0x77);
    body = join({body, with_length(hello.session, 1)});
    if (hello.datagram)
        body = join({body, with_length(hello.cookie, 1)});
    body = join({body, numbers(hello.ciphers, 2), {1, 0}});
    if (hello.extended) {
        Buffer extensions;
        for (const auto &[type, data] : hello.extensions) {
            put(extensions, type, 2);
            extensions = join({extensions, with_length(data, 2)});
        }
        body = join({body, with_length(extensions, 2)});
    }
    return handshake(1, body);
}

Buffer records(const Buffer &content, std::size_t cut, std::uint8_t type, std::uint16_t version) {
    Buffer out;
    for (std::size_t at = 0; at < content.size(); at += cut) {
        const std::size_t size = std::min(cut, content.size() - at);
        out.push_back(type);
        put(out, version, 2);
        put(out, size, 2);
        const auto from = content.begin() + static_cast<std::ptrdiff_t>(at);
        out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(size));
    }
    return out;
}

Buffer dtls_fragment(std::uint8_t type, std::uint16_t sequence, const Buffer &body,
                     std::size_t from, std::size_t size, std::uint64_t record,
                     std::uint16_t version) {
    Buffer out{22};
    put(out, version, 2);
    put(out, 0, 2);
    put(out, record, 6);
    put(out, 12 + size, 2);
    out.push_back(type);
    put(out, body.size(), 3);
    put(out, sequence, 2);
    put(out, from, 3);
    put(out, size, 3);
    const auto begin = body.begin() + static_cast<std::ptrdiff_t>(from);
    out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
    return out;
}

Buffer varint2(std::uint64_t value) {
    Buffer out;
    put(out, 0x4000 | value, 2);
    return out;
}

Buffer crypto_frame(std::size_t offset, const Buffer &data, std::uint8_t type) {
    return join({{type}, varint2(offset), varint2(data.size()), data});
}

Buffer long_header(std::uint8_t first, std::uint32_t version, const Buffer &dcid,
                   const Buffer &scid, const Buffer &rest) {
    Buffer out{first};
    put(out, version, 4);
    return join({out, with_length(dcid, 1), with_length(scid, 1), rest});
}

Buffer seal(const Initial &initial) {
    constexpr std::size_t kTag = 16;
    const QuicVersion *version = quic_version(initial.version);
    const auto keys =
        version ? quic_initial_keys(*version, initial.seed.empty() ? initial.dcid : initial.seed,
                                    initial.of_client)
                : std::nullopt;
    if (!keys)
        throw std::invalid_argument("no keys");
    const auto first = static_cast<std::uint8_t>((version->types_of_2 ? 0xd0U : 0xc0U) |
                                                 (initial.number_size - 1));
    const Buffer token =
        initial.token.empty() ? Buffer{0} : join({varint2(initial.token.size()), initial.token});
    Buffer header = long_header(first, initial.version, initial.dcid, initial.scid, token);
    Buffer frames = initial.frames;
    const std::size_t fixed = header.size() + 2 + initial.number_size + kTag;
    frames.resize(std::max(
        {frames.size(), initial.padded_to - std::min(initial.padded_to, fixed), std::size_t{4}}));
    header = join({header, varint2(initial.number_size + frames.size() + kTag)});
    const std::size_t number_at = header.size();
    put(header, initial.number, initial.number_size);

    auto nonce = keys->iv;
    for (unsigned i = 0; i < 4; i++)
        nonce[8 + i] ^= static_cast<std::uint8_t>(initial.number >> (3 - i) * 8);
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
        EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    Buffer text(frames.size()), tag(kTag);
    int size = 0;
    if (EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, keys->key.data(),
                           nonce.data()) != 1 ||
        EVP_EncryptUpdate(context.get(), nullptr, &size, header.data(),
                          static_cast<int>(header.size())) != 1 ||
        EVP_EncryptUpdate(context.get(), text.data(), &size, frames.data(),
                          static_cast<int>(frames.size())) != 1 ||
        EVP_EncryptFinal_ex(context.get(), text.data() + size, &size) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTag, tag.data()) != 1)
        throw std::runtime_error("cannot seal");
    Buffer out = join({header, text, tag});
    const auto mask = quic_header_mask(*keys, Bytes(out).subspan(number_at + 4, 16));
    out[0] = static_cast<std::uint8_t>(out[0] ^ ((*mask)[0] & 0x0f));
    for (unsigned i = 0; i < initial.number_size; i++)
        out[number_at + i] ^= (*mask)[1 + i];
    return out;
}

} // namespace l7::test
