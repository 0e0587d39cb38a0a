// SPDX-License-Identifier: GPL-2.0-or-later
// Pieces at any offset against the plainest model there is: a byte is what came for it first.
#include "core/dissect/assembly.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    constexpr std::size_t kLimit = 1024;
    l7::Assembly assembly(kLimit);
    std::map<std::size_t, std::uint8_t> model;
    while (size >= 3) {
        const std::size_t offset = data[0] | (data[1] & 7U) << 8;
        const std::size_t length = std::min<std::size_t>(data[2], size - 3);
        const std::size_t before = assembly.prefix().size();
        const std::uint32_t dropped = assembly.dropped();
        const bool grew = assembly.add(offset, {data + 3, length});
        if (grew != (assembly.prefix().size() > before))
            std::abort();
        if (assembly.dropped() != dropped && offset + length <= kLimit)
            return 0; // the islands ran out, and the model knows of none
        for (std::size_t i = 0; i < length && offset + i < kLimit; i++)
            model.try_emplace(offset + i, data[3 + i]);
        data += 3 + length;
        size -= 3 + length;
    }
    const l7::Bytes prefix = assembly.prefix();
    for (std::size_t i = 0; i < prefix.size(); i++)
        if (const auto at = model.find(i); at == model.end() || at->second != prefix[i])
            std::abort();
    if (prefix.size() > kLimit || model.contains(prefix.size()))
        std::abort();
    return 0;
}
