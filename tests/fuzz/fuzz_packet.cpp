// SPDX-License-Identifier: GPL-2.0-or-later
// Headers: no byte beyond the packet is read, and what is said of a good packet holds.
#include <l7ctl/tunnel.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size < 2)
        return 0;
    const int l3 = data[0] & 1;
    const std::uint32_t missing = data[1];
    data += 2;
    size -= 2;
    const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[size]);
    std::memcpy(exact.get(), data, size);

    l7_packet packet;
    l7_fragment_key datagram;
    const auto wire = static_cast<std::uint32_t>(size) + missing;
    const l7_parse result =
        l7_parse_packet(exact.get(), exact.get() + size, wire, l3, &packet, &datagram);
    if (result == L7_PARSE_EXTENSION)
        std::abort();
    l7_counters counters{};
    l7_count_parse(&counters, result);
    if (result != L7_PARSE_OK && result != L7_PARSE_FRAGMENT)
        return 0;
    if (packet.from > 1 || packet.payload > wire || packet.payload_size > wire - packet.payload)
        std::abort();
    if (result == L7_PARSE_FRAGMENT) {
        const l7_fragment first{{1, 2}, L7_IPPROTO_UDP, {}};
        l7_fragment_apply(&packet, &datagram, &first);
    }
    if (l7_is_tunnel(&packet, ~0U) &&
        l7_enter_tunnel(exact.get(), exact.get() + size, wire, &packet) &&
        (packet.payload > wire || packet.payload_size > wire - packet.payload))
        std::abort();
    const int order = std::memcmp(packet.key.addr[0], packet.key.addr[1], 16);
    if (order == 0 && packet.key.port[0] > packet.key.port[1])
        std::abort();
    return l7_key_hash(&packet.key) == 0 ? 0 : 0;
}
