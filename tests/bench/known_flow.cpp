// SPDX-License-Identifier: GPL-2.0-or-later
// What a packet of a known flow costs in our program, against the least a classifier must do, and
// how that grows with the number of flows.
#include "rig.hpp"
#include "support/rules.hpp"

#include "bpf/reference.skel.h"
#include "bpf/untracked.skel.h"

#include <l7ctl/flow.h>

#include <random>

using namespace l7;
using namespace l7::bench;

namespace {

constexpr std::uint16_t kProtocol = L7_PROTOCOL_FIRST;

struct Reference {
    std::unique_ptr<reference_bpf, void (*)(reference_bpf *)> skeleton{reference_bpf__open(),
                                                                       reference_bpf__destroy};

    explicit Reference(std::uint32_t flows) {
        if (!skeleton)
            die("the reference programs cannot be opened");
        bpf_map__set_max_entries(skeleton->maps.reference_flows, flows);
        if (reference_bpf__load(skeleton.get()))
            die("the reference programs cannot be loaded");
    }
    int empty() const { return bpf_program__fd(skeleton->progs.empty); }
    int minimal() const { return bpf_program__fd(skeleton->progs.minimal); }

    /// The key as it stands in the packet: sender first.
    void know(const l7_packet &packet) const {
        l7_key key{};
        const unsigned from = packet.from;
        const unsigned words = packet.key.family == 4 ? 1 : 4;
        std::copy_n(packet.key.addr[from] + 4 - words, words, key.addr[0] + 4 - words);
        std::copy_n(packet.key.addr[from ^ 1] + 4 - words, words, key.addr[1] + 4 - words);
        key.port[0] = packet.key.port[from];
        key.port[1] = packet.key.port[from ^ 1];
        key.l4 = packet.key.l4;
        key.family = packet.key.family;
        const std::uint64_t value[3] = {};
        bpf_map_update_elem(bpf_map__fd(skeleton->maps.reference_flows), &key, value, BPF_ANY);
    }
};

void know(const Rig &rig, const l7_packet &packet, l7_flow flow = {}) {
    if (flow.born == 0)
        l7_flow_begin(&flow, &packet, 1);
    flow.protocol = kProtocol;
    flow.owner[0] = flow.owner[1] = 1;
    bpf_map_update_elem(bpf_map__fd(rig.skeleton->maps.flows), &packet.key, &flow, BPF_ANY);
}

l7_packet parsed(const test::Buffer &bytes) {
    l7_packet packet;
    l7_fragment_key datagram;
    if (l7_parse_packet(bytes.data(), bytes.data() + bytes.size(),
                        static_cast<std::uint32_t>(bytes.size()), 0, &packet, &datagram))
        die("a packet of ours cannot be parsed");
    return packet;
}

/// Our program without TCP's windows, with the rig's maps.
struct Untracked {
    std::unique_ptr<untracked_bpf, void (*)(untracked_bpf *)> skeleton{untracked_bpf__open(),
                                                                       untracked_bpf__destroy};

    explicit Untracked(const Rig &rig) {
        if (!skeleton || !rig.kernel->share_maps(skeleton->obj) ||
            untracked_bpf__load(skeleton.get()))
            die("the program without windows cannot be loaded");
    }
    int program() const { return bpf_program__fd(skeleton->progs.l7_ingress); }
};

/// The flow of an open connection, as its handshake leaves it, whose next segment is `data`.
l7_flow opened(const test::Packet &data) {
    test::Packet syn = data, answer = data, last = data;
    syn.payload = answer.payload = last.payload = {};
    syn.seq = data.seq - 1;
    syn.flags = L7_TCP_SYN;
    std::swap(answer.source, answer.target);
    std::swap(answer.sport, answer.dport);
    answer.seq = data.ack - 1;
    answer.ack = data.seq;
    answer.flags = L7_TCP_SYN | L7_TCP_ACK;
    l7_flow flow;
    const l7_packet first = parsed(test::build(syn));
    l7_flow_begin(&flow, &first, 1);
    for (const test::Packet &packet : {syn, answer, last}) {
        const l7_packet segment = parsed(test::build(packet));
        const l7_tcp_options none{};
        if (l7_tcp_segment(&flow, &segment, l7_flow_direction(&flow, &segment), &none, 1, 1000))
            die("a segment of ours does not fit its window");
    }
    return flow;
}

struct Cost {
    double empty, minimal, ours, ratio, tracking;
};

/// Rounds interleave the three programs, so that the machine's moods meet them alike.
Cost one_flow(const Rig &rig, const Untracked &untracked, const Reference &reference, bool ipv6) {
    test::Packet packet = packet_of(1, ipv6);
    packet.l4 = 6;
    packet.ack = 5000;
    const test::Buffer bytes = test::build(packet);
    know(rig, parsed(bytes), opened(packet));
    reference.know(parsed(bytes));
    std::vector<double> empty, minimal, ours, ratio, tracking;
    for (int round = 0; round < 21; round++) {
        const double e = run_ns(reference.empty(), bytes, 500'000);
        const double m = run_ns(reference.minimal(), bytes, 500'000);
        const double o = run_ns(rig.program(), bytes, 500'000);
        const double u = run_ns(untracked.program(), bytes, 500'000);
        empty.push_back(e);
        minimal.push_back(m - e);
        ours.push_back(o - e);
        ratio.push_back((o - e) / (m - e));
        tracking.push_back(o - u);
    }
    return {median(empty), median(minimal), median(ours), median(ratio), median(tracking)};
}

/// Each run is of another flow, taken at random, and so finds its entry as cold as the table is
/// large.
Cost many_flows(std::uint32_t count) {
    const Rig rig(
        count + count / 4,
        std::max<std::uint32_t>(count / 4, 32768)); // an LRU table recycles before it is full
    const Reference reference(count + count / 4);
    std::vector<std::uint32_t> order;
    std::mt19937 random(1);
    for (std::uint32_t i = 0; i < count; i++) {
        const l7_packet packet = parsed(test::build(packet_of(i)));
        know(rig, packet);
        reference.know(packet);
    }
    std::vector<double> empty, minimal, ours;
    for (int i = 0; i < 20'000; i++) {
        const test::Buffer bytes =
            test::build(packet_of(static_cast<std::uint32_t>(random() % count)));
        empty.push_back(run_ns(reference.empty(), bytes, 1));
        minimal.push_back(run_ns(reference.minimal(), bytes, 1));
        const test::Buffer other =
            test::build(packet_of(static_cast<std::uint32_t>(random() % count)));
        ours.push_back(run_ns(rig.program(), other, 1));
    }
    const double e = median(empty), m = median(minimal) - e, o = median(ours) - e;
    return {e, m, o, o / m, 0};
}

} // namespace

int main() {
    {
        const Rig rig(131072, 32768);
        const Untracked untracked(rig);
        const Reference reference(131072);
        Rule rule;
        rule.everything = true;
        rule.mark = 0x1000;
        rule.classid = 0x10010;
        const Knowledge knowledge = test::knowledge_of({});
        if (!rig.kernel->rules().set(test::tables_of({rule}, knowledge), {}, {}))
            die("rules cannot be set");
        for (const bool ipv6 : {false, true}) {
            const Cost cost = one_flow(rig, untracked, reference, ipv6);
            const std::string family = ipv6 ? "6" : "4";
            row("known flow of TCP, IPv" + family + ": ns that its windows cost",
                number("%.0f", cost.tracking), "at most 25");
            row("known flow, IPv" + family + ", ns above an empty program: ours, minimal, ratio",
                number("%.0f", cost.ours) + ", " + number("%.0f", cost.minimal) + ", " +
                    number("%.2f", cost.ratio),
                "ratio at most 1.5");
        }
    }
    for (const std::uint32_t count : {10'000U, 100'000U, 1'000'000U}) {
        const Cost cost = many_flows(count);
        row("one of " + std::to_string(count) +
                " known flows at random, ns above empty: ours, minimal, ratio",
            number("%.0f", cost.ours) + ", " + number("%.0f", cost.minimal) + ", " +
                number("%.2f", cost.ratio),
            "");
    }
    return 0;
}
