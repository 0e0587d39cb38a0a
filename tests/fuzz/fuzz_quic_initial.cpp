// SPDX-License-Identifier: GPL-2.0-or-later
// Datagrams from either side, as they are or with their content sealed in an Initial, which no
// mutation would come up with.
#include "core/dissect/quic_frames.hpp"
#include "core/dissect/quic_initial.hpp"
#include "support/hellos.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    constexpr std::array<std::uint32_t, 4> kVersions{1, 0x6b3343cf, 0xff00001d,
                                                     l7::google_version('T', 50)};
    constexpr unsigned kSide = 1, kSealed = 2, kOtherId = 4;
    l7::QuicInitial quic;
    while (size >= 3) {
        const unsigned flags = data[0];
        const std::size_t length =
            std::min<std::size_t>(data[1] | static_cast<std::size_t>(data[2]) << 8, size - 3);
        const l7::Bytes bytes(data + 3, length);
        l7::test::Buffer datagram(bytes.begin(), bytes.end());
        if (flags & kSealed) {
            l7::Assembly into(l7::kMaxHello);
            l7::collect_quic_crypto(bytes, flags & kOtherId, into);
            l7::test::Initial initial;
            initial.version = kVersions[flags >> 4 & 3];
            initial.frames = datagram;
            initial.padded_to = 0;
            if (flags & kOtherId)
                initial.dcid = l7::test::Buffer(5, 1);
            datagram = l7::test::seal(initial);
        }
        const l7::Parse state = quic.add(datagram, flags & kSide);
        if ((flags & kSealed) && quic.version() == 0)
            std::abort();
        if (quic.memory() > 3 * l7::kMaxHello || quic.hello().server_name.size() > 253)
            std::abort();
        if (state == l7::Parse::Done && quic.add({}, false) != l7::Parse::Done)
            std::abort();
        data += 3 + length;
        size -= 3 + length;
    }
    return 0;
}
