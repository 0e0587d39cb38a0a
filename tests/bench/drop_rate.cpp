// SPDX-License-Identifier: GPL-2.0-or-later
// How many packets a second a device can drop: in XDP, and at tc. The kernel's own generator
// (BPF_PROG_TEST_RUN with live frames) sends datagrams of one flow through a veth pair; sender and
// receiver share a CPU, so what is measured is one CPU's packets, generating them included.
#include "rig.hpp"
#include "support/rules.hpp"

#include "bpf/reference.skel.h"
#include "bpf/xdp.skel.h"

#include <l7ctl/flow.h>

#include <fstream>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>

using namespace l7;
using namespace l7::bench;

namespace {

constexpr std::uint16_t kProtocol = L7_PROTOCOL_FIRST;
constexpr int kPackets = 1'000'000;

void command(const std::string &line) {
    if (std::system(line.c_str()) != 0)
        die(line);
}

/// A pair in a network namespace of this process, gone with it.
struct Pair {
    int near = 0, far = 0;

    Pair() {
        if (unshare(CLONE_NEWNET) != 0)
            die("a network namespace cannot be made");
        command("ip link add l7near type veth peer name l7far && ip link set l7near up && "
                "ip link set l7far up && ethtool -K l7far gro on"); // whose frames nobody takes
                                                                    // otherwise
        near = static_cast<int>(if_nametoindex("l7near"));
        far = static_cast<int>(if_nametoindex("l7far"));
    }
};

void know(const Rig &rig, const test::Buffer &bytes) {
    l7_packet packet;
    l7_fragment_key datagram;
    if (l7_parse_packet(bytes.data(), bytes.data() + bytes.size(),
                        static_cast<std::uint32_t>(bytes.size()), 0, &packet, &datagram))
        die("a packet of ours cannot be parsed");
    l7_flow flow;
    l7_flow_begin(&flow, &packet, 0);
    flow.protocol = kProtocol;
    flow.owner[0] = flow.owner[1] = 1;
    bpf_map_update_elem(bpf_map__fd(rig.skeleton->maps.flows), &packet.key, &flow, BPF_ANY);
}

/// Sends the packet kPackets times out of the near end; seconds.
double send(int program, const test::Buffer &bytes, int near) {
    xdp_md where{};
    where.ingress_ifindex = static_cast<__u32>(near);
    where.data_end = static_cast<__u32>(bytes.size());
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes.data(),
                .data_size_in = static_cast<__u32>(bytes.size()), .ctx_in = &where,
                .ctx_size_in = sizeof(where), .repeat = kPackets,
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
    const auto start = Clock::now();
    if (const int failure = bpf_prog_test_run_opts(program, &options); failure)
        die("live frames: " + std::to_string(failure));
    return seconds_since(start);
}

} // namespace

int main() {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof(one), &one);

    const Rig rig(131072, 32768);
    const Pair pair;
    std::unique_ptr<reference_bpf, void (*)(reference_bpf *)> generator{reference_bpf__open(),
                                                                        reference_bpf__destroy};
    if (!generator)
        die("the generator cannot be opened");
    generator->rodata->l7_send_to = static_cast<__u32>(pair.near);
    if (reference_bpf__load(generator.get()))
        die("the generator cannot be loaded");
    std::unique_ptr<xdp_bpf, void (*)(xdp_bpf *)> xdp{xdp_bpf__open(), xdp_bpf__destroy};
    if (!xdp || !rig.kernel->share_maps(xdp->obj) || xdp_bpf__load(xdp.get()))
        die("the XDP program cannot be loaded");

    Rule rule;
    rule.everything = true;
    rule.drop = true;
    if (!rig.kernel->rules().set(test::tables_of({rule}, test::knowledge_of({})), {}, {}))
        die("rules cannot be set");
    test::Packet packet;
    packet.l4 = 17;
    packet.payload.assign(18, 'x'); // 60 bytes, the least there is
    for (const bool ipv6 : {false, true}) {
        if (ipv6) {
            packet.source = "2001:db8::1";
            packet.target = "2001:db8::2";
        }
        const test::Buffer bytes = test::build(packet);
        know(rig, bytes);
        const int sender = bpf_program__fd(generator->progs.send);
        const auto dropped = [&] { return rig.kernel->counters()->rules_dropped; };
        std::vector<double> at_tc, in_xdp;
        for (int round = 0; round < 7; round++) {
            // TCX and XDP in turns, on the far end.
            std::uint64_t before = dropped();
            int link = bpf_link_create(rig.program(), pair.far, BPF_TCX_INGRESS, nullptr);
            if (link < 0)
                die("TCX: " + std::to_string(link));
            at_tc.push_back(kPackets / send(sender, bytes, pair.near));
            close(link);
            if (dropped() - before < kPackets * 99 / 100)
                die("tc dropped only " + std::to_string(dropped() - before));
            before = rig.kernel->counters()->xdp_dropped;
            LIBBPF_OPTS(bpf_link_create_opts, native, .flags = XDP_FLAGS_DRV_MODE);
            link = bpf_link_create(bpf_program__fd(xdp->progs.l7_xdp), pair.far, BPF_XDP, &native);
            if (link < 0)
                die("XDP: " + std::to_string(link));
            in_xdp.push_back(kPackets / send(sender, bytes, pair.near));
            close(link);
            if (rig.kernel->counters()->xdp_dropped - before < kPackets * 99 / 100)
                die("XDP dropped only " +
                    std::to_string(rig.kernel->counters()->xdp_dropped - before));
        }
        row(std::string("dropping one flow, IPv") + (ipv6 ? "6" : "4") +
                ", million packets a second and CPU: at tc, in XDP, ratio",
            number("%.2f", median(at_tc) / 1e6) + ", " + number("%.2f", median(in_xdp) / 1e6) +
                ", " + number("%.1f", median(in_xdp) / median(at_tc)),
            "");
    }
    return 0;
}
