// SPDX-License-Identifier: GPL-2.0-or-later
// l7_key as a C++ map key and as text.
#pragma once

#include <l7ctl/packet.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace l7 {

struct KeyHash {
    std::size_t operator()(const l7_key &key) const { return l7_key_hash(&key); }
};

struct KeyEqual {
    bool operator()(const l7_key &a, const l7_key &b) const {
        return std::memcmp(&a, &b, sizeof(a)) == 0;
    }
};

/// One end of a flow: address as text (IPv4 without its mapping) and port in host order.
struct End {
    std::string address;
    std::uint16_t port;
};

/// An address as l7_key has it, as text.
std::string address_text(const __be32 *address);

/// End `which` (0 or 1) of the key.
End end_of(const l7_key &key, unsigned which);

} // namespace l7
