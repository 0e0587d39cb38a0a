// SPDX-License-Identifier: GPL-2.0-or-later
// Datagrams of any content: memory stays bounded, and a flow that was taken for DTLS stays so.
#include "core/dissect/dtls_hello.hpp"

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    l7::DtlsHello dtls;
    l7::Parse last = l7::Parse::Wrong;
    while (size >= 2) {
        const std::size_t length =
            std::min<std::size_t>(data[0] | static_cast<std::size_t>(data[1]) << 8, size - 2);
        const l7::Parse now = dtls.add({data + 2, length});
        if ((last != l7::Parse::Wrong && now == l7::Parse::Wrong) ||
            (last == l7::Parse::Done && now != l7::Parse::Done))
            std::abort();
        last = now;
        if ((now == l7::Parse::Done) != (dtls.client() || dtls.server()))
            std::abort();
        if (dtls.memory() > 3 * 2 * l7::kMaxHello || dtls.partial_client().server_name.size() > 253)
            std::abort();
        data += 2 + length;
        size -= 2 + length;
    }
    return 0;
}
