// SPDX-License-Identifier: GPL-2.0-or-later
// Segments at any offset against the plainest model there is: a byte is what came for it first, and
// nothing is in order behind a byte that never came.
#include "core/flow/stream.hpp"

#include <cstdlib>
#include <map>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    constexpr std::size_t kLimit = 1024;
    l7::Stream stream;
    std::map<std::uint32_t, std::uint8_t> ever; // every byte that was offered for an offset
    std::map<std::uint32_t, bool> same;         // whether all offers agreed

    while (size >= 3) {
        const std::uint32_t offset = data[0] | (data[1] & 7U) << 8;
        const std::size_t length = std::min<std::size_t>(data[2], size - 3);
        for (std::uint32_t i = 0; i < length; i++) {
            const auto [at, fresh] = ever.try_emplace(offset + i, data[3 + i]);
            same[offset + i] = fresh ? true : same[offset + i] && at->second == data[3 + i];
        }
        stream.add(offset, {data + 3, length}, kLimit);
        data += 3 + length;
        size -= 3 + length;
        if (stream.bytes().size() > kLimit || stream.memory() > 64 * 1024)
            std::abort();
    }
    for (std::uint32_t i = 0; i < stream.bytes().size(); i++) {
        const auto at = ever.find(i);
        if (at == ever.end() || (same[i] && at->second != stream.bytes()[i]))
            std::abort();
    }
    if (stream.dropped() == 0 && stream.bytes().size() < kLimit &&
        ever.contains(static_cast<std::uint32_t>(stream.bytes().size())))
        std::abort();
    return 0;
}
