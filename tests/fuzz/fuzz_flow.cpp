// SPDX-License-Identifier: GPL-2.0-or-later
// Any sequence of packets: what is sampled stays within the limits. Of a flow that is listened to,
// no bytes are passed over untold.
#include <l7ctl/step.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {
constexpr std::uint32_t kPackets = 10, kBytes = 4096;

struct Step {
    std::uint32_t seq;
    std::uint16_t size;
    std::uint8_t flags;
    std::uint8_t from; // 1: that end, 2: the ring is full, 4: the flow is listened to from here on
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    l7_pass pass{};
    l7_packet &packet = pass.packet;
    l7_settings set{};
    l7_flow flow{};
    l7_sample sample;
    std::uint32_t taken[2] = {};
    bool begun = false;

    if (size < 1)
        return 0;
    set.sample_packets = kPackets;
    set.sample_bytes = kBytes;
    packet.key.l4 = data[0] & 1 ? L7_IPPROTO_TCP : L7_IPPROTO_UDP;
    data++;
    size--;
    for (; size >= sizeof(Step); data += sizeof(Step), size -= sizeof(Step)) {
        Step step;
        std::memcpy(&step, data, sizeof(step));
        packet.from = step.from & 1;
        packet.seq = step.seq;
        packet.tcp_flags = packet.key.l4 == L7_IPPROTO_TCP ? step.flags : 0;
        if (!begun || l7_flow_restarts(&flow, &packet)) {
            l7_flow_begin(&flow, &packet, 1);
            taken[0] = taken[1] = 0;
            begun = true;
        }
        if (step.from & 4)
            flow.flags |= L7_F_LISTEN;
        const bool listening = flow.flags & L7_F_LISTEN;
        packet.payload_size = step.size;
        const std::uint32_t way = pass.direction = l7_flow_direction(&flow, &packet);
        const std::uint32_t before = flow.next[way];
        l7_flow_count(&flow, way, 1, step.size, 1, 1000);
        const int ends = l7_flow_note_flags(&flow, &packet, way);
        const l7_sample_kind kind = l7_flow_sample(&flow, &pass, ends, &set, &sample);
        if (kind != L7_SAMPLE_TAKE)
            continue;
        if (sample.size > L7_SAMPLE_MAX || sample.skip + sample.size + sample.beyond > step.size)
            std::abort();
        if (!listening && sample.offset + sample.size > kBytes + L7_SAMPLE_MAX)
            std::abort();
        if (step.from & 2) {
            l7_flow_sample_lost(&flow, way, &sample);
            continue;
        }
        l7_flow_sampled(&flow, way, &sample);
        if (listening) {
            if (flow.next[way] != before && sample.offset != before && !(sample.flags & L7_R_LOST))
                std::abort();
            continue;
        }
        taken[way] += sample.size != 0;
        if (taken[way] > kPackets || flow.next[way] < before || flow.next[way] > kBytes)
            std::abort();
    }
    return 0;
}
