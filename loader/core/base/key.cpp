// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/key.hpp"

#include <arpa/inet.h>

#include <array>

namespace l7 {

std::string address_text(const __be32 *address) {
    std::array<char, INET6_ADDRSTRLEN> text{};

    if (address[0] == 0 && address[1] == 0 && address[2] == htonl(0xffff))
        inet_ntop(AF_INET, &address[3], text.data(), text.size());
    else
        inet_ntop(AF_INET6, address, text.data(), text.size());
    return text.data();
}

End end_of(const l7_key &key, unsigned which) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const __be32 *address = key.addr[which & 1];

    if (key.family == 4)
        inet_ntop(AF_INET, &address[3], text.data(), text.size());
    else
        inet_ntop(AF_INET6, address, text.data(), text.size());
    return {text.data(), L7_BE16(key.port[which & 1])};
}

} // namespace l7
