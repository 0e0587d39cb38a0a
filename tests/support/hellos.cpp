// SPDX-License-Identifier: GPL-2.0-or-later
#include "hellos.hpp"

#include <algorithm>

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

} // namespace l7::test
