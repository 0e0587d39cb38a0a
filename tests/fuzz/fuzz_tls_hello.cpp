// SPDX-License-Identifier: GPL-2.0-or-later
// Hellos: what is refused stays refused when more bytes come, what is whole stays whole, and what
// is given out is bounded and fit to be shown.
#include "core/dissect/tls_hello.hpp"

#include <algorithm>
#include <cstdlib>

namespace {

void expect(bool right) {
    if (!right)
        std::abort();
}

bool shown(const std::string &text, std::size_t limit) {
    return text.size() <= limit &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

template <class Parser>
void grow(l7::Bytes data, std::size_t cut, Parser parse) {
    const l7::Parse early = parse(data.first(cut));
    const l7::Parse late = parse(data);
    expect(early == l7::Parse::More || late == early);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size < 2)
        return 0;
    constexpr l7::TlsOver kOver[] = {l7::TlsOver::Tcp, l7::TlsOver::Quic, l7::TlsOver::Datagram};
    const l7::TlsOver over = kOver[data[0] % 3];
    const l7::Bytes bytes(data + 2, size - 2);
    const std::size_t cut = bytes.size() * data[1] / 256;

    grow(bytes, cut, [&](l7::Bytes message) {
        l7::ClientHello hello;
        const l7::Parse state = l7::parse_client_hello(message, hello, over);
        expect(shown(hello.server_name, 253) && hello.alpn.size() <= l7::kMaxAlpn);
        expect(std::ranges::all_of(hello.alpn, [](auto &name) { return shown(name, 255); }));
        expect(state != l7::Parse::Done || (hello.ja4().size() == 36 && shown(hello.ja4(), 36)));
        return state;
    });
    grow(bytes, cut, [&](l7::Bytes message) {
        l7::ServerHello hello;
        const l7::Parse state = l7::parse_server_hello(message, hello, over);
        expect(shown(hello.alpn, 255));
        return state;
    });
    grow(bytes, cut, [&](l7::Bytes record) {
        l7::ClientHello hello;
        return l7::parse_ssl2_client_hello(record, hello);
    });
    return 0;
}
