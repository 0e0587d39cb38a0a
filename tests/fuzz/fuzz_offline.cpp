// SPDX-License-Identifier: GPL-2.0-or-later
// Any packets through the whole native path: each flow ends with a verdict, and packets are not
// lost from the counts.
#include "capture/offline.hpp"
#include "small_database.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto &base = l7::fuzz::small_database();
    l7::Offline offline({base.database, base.protocols});
    std::uint64_t time = 1'000'000'000;
    while (size >= 2) {
        const std::size_t length = std::min<std::size_t>(data[0], size - 2);
        time += data[1] * 100'000'000ULL;
        offline.packet(data + 2, length, static_cast<std::uint32_t>(length), time, data[1] & 1);
        data += 2 + length;
        size -= 2 + length;
    }
    offline.finish();
    for (const l7::NativeFlow &flow : offline.path().flows())
        if (flow.flow.packets[0] + flow.flow.packets[1] == 0)
            std::abort();
    return 0;
}
