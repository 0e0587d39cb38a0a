// SPDX-License-Identifier: GPL-2.0-or-later
// Every dissector, on a conversation cut as the input says: the first byte chooses transport and
// cuts, each piece has its direction and length in front. What they say is printable ASCII.
#include "core/dissect/dissector.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace {

void check(const l7::Facts &facts) {
    const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
    if (!std::ranges::all_of(facts.hostname, printable))
        std::abort();
    for (const auto &[what, value] : facts.details)
        if (!std::ranges::all_of(value, printable))
            std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace l7;
    if (size < 2)
        return 0;
    const Transport transport = data[0] & 1 ? Transport::Tcp : Transport::Udp;
    const bool midstream = transport == Transport::Tcp && (data[0] & 2);
    struct Live {
        std::unique_ptr<Dissector> dissector;
        Facts facts;
    };
    std::vector<Live> live;
    std::array<std::vector<std::uint8_t>, 2> streams;

    for (std::size_t at = 1; at + 2 < size;) {
        const unsigned direction = data[at] & 1;
        const std::size_t length = std::min<std::size_t>(
            (std::size_t{data[at]} >> 1 << 8 | data[at + 1]) + 1, size - at - 2);
        const Bytes piece(data + at + 2, length);
        at += 2 + length;
        std::vector<std::uint8_t> &stream = streams[direction];
        const bool first = stream.empty();
        stream.insert(stream.end(), piece.begin(), piece.end());
        const bool tcp = transport == Transport::Tcp;
        const View view{transport,
                        direction,
                        tcp ? Bytes(stream) : piece,
                        tcp ? Bytes(streams[direction ^ 1]) : Bytes(),
                        midstream,
                        tcp ? stream.size() : piece.size()};
        if (first)
            for (const DissectorKind &kind : dissector_kinds())
                if ((kind.transports >> static_cast<unsigned>(transport) & 1U) &&
                    (kind.midstream || !midstream) && kind.begins(view))
                    live.push_back({kind.make(), {}});
        std::erase_if(live, [&](Live &one) {
            const Progress progress = one.dissector->take(view, one.facts);
            check(one.facts);
            return progress == Progress::NotMine || progress == Progress::Done;
        });
    }
    return 0;
}
