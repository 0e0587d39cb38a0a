// SPDX-License-Identifier: GPL-2.0-or-later
// A header block: it stays within its bounds, and any head of it gives the same fields.
#include "core/dissect/hpack.hpp"

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace l7;
    std::vector<HeaderField> whole, head;

    const Parse parsed = read_header_block({data, size}, whole);
    std::size_t bytes = 0;
    for (const HeaderField &field : whole)
        bytes += field.name.size() + field.value.size();
    // The last field may pass the bound: no longer than one before it, or than the input decoded.
    if (whole.size() > kMaxFields || bytes > 2 * kMaxFieldBytes + size * 2)
        std::abort();
    const Parse cut = read_header_block({data, size / 2}, head);
    if (head.size() > whole.size() || !std::equal(head.begin(), head.end(), whole.begin()))
        std::abort();
    if (cut == Parse::Wrong && parsed != Parse::Wrong)
        std::abort();
    return 0;
}
