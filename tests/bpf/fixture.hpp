// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel programs under BPF_PROG_TEST_RUN, with pins of their own and nothing attached.
#pragma once

#include "core/flow/classifier.hpp"
#include "kernel/bpffs.hpp"
#include "kernel/state.hpp"
#include "support/packets.hpp"

#include "bpf/datapath.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <catch2/catch_test_macros.hpp>
#include <linux/bpf.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <unistd.h>

namespace l7::test {

inline std::string pin_directory() {
    return "/sys/fs/bpf/l7t-" + std::to_string(getpid());
}

/// Kernel state in a directory of the test's, removed with it.
struct State {
    Config config;
    std::unique_ptr<KernelState> kernel;
    bool adopted = false;

    explicit State(Config with = small()) : config(std::move(with)) { open(); }
    ~State() {
        kernel.reset();
        (void)static_cast<bool>(remove_pins(pin_directory()));
    }

    static Config small() {
        Config out;
        out.workers = 1;
        out.flows = 4096;
        out.newcomers = 4096;
        out.ring_bytes = 1 << 18;
        return out;
    }

    void open() {
        auto opened = KernelState::open(pin_directory(), config, adopted);
        INFO((opened ? "" : opened.error().message));
        REQUIRE(opened);
        kernel = std::move(*opened);
    }
};

/// BPF_PROG_TEST_RUN takes no Ethernet frame that is too short for the IP header it announces
/// (net/bpf/test_run.c). Behind a tag it does not look.
inline bool testable(const Buffer &packet) {
    if (packet.size() < 14)
        return false;
    const unsigned type = packet[12] << 8 | packet[13];
    return (type != 0x0800 || packet.size() >= 34) && (type != 0x86dd || packet.size() >= 54);
}

struct Programs {
    std::unique_ptr<datapath_bpf, void (*)(datapath_bpf *)> skeleton{datapath_bpf__open(),
                                                                     datapath_bpf__destroy};

    explicit Programs(const State &state, unsigned slot = 0, bool l3 = false) {
        REQUIRE(skeleton);
        skeleton->rodata->l7_device_slot = slot;
        skeleton->rodata->l7_l3_device = l3;
        skeleton->rodata->l7_has_conntrack = state.kernel->looks_up_scales();
        REQUIRE(state.kernel->share_maps(skeleton->obj));
        REQUIRE(datapath_bpf__load(skeleton.get()) == 0);
    }

    /// Runs the packet through a hook. The program must let the next one decide (TC_ACT_UNSPEC), or
    /// give the answer that is named. skb carries mark and the like in and out.
    void run(const Buffer &packet, l7_hook hook = L7_INGRESS, __sk_buff *skb = nullptr,
             int answer = -1, Buffer *left = nullptr) const {
        __sk_buff out{};
        Buffer room(packet.size() + 512);
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(), .data_out = room.data(),
                    .data_size_in = static_cast<__u32>(packet.size()),
                    .data_size_out = static_cast<__u32>(room.size()));
        if (skb) {
            options.ctx_in = skb;
            options.ctx_size_in = sizeof(*skb);
            options.ctx_out = &out;
            options.ctx_size_out = sizeof(out);
        }
        const int fd = bpf_program__fd(hook == L7_INGRESS ? skeleton->progs.l7_ingress
                                                          : skeleton->progs.l7_egress);
        const int failure = bpf_prog_test_run_opts(fd, &options);
        INFO("BPF_PROG_TEST_RUN: " << std::strerror(-failure));
        REQUIRE(failure == 0);
        REQUIRE(static_cast<int>(options.retval) == answer);
        if (skb)
            *skb = out;
        if (left)
            left->assign(room.begin(), room.begin() + options.data_size_out);
    }
};

/// The worker's job, done in the test's thread: whatever is in the ring goes to the classifier,
/// verdicts to the kernel.
class InlineWorker {
  public:
    InlineWorker(State &state, Classifier *classifier) : state_(state), classifier_(classifier) {
        auto port = state.kernel->open_port(0);
        REQUIRE(port);
        port_ = std::make_unique<WorkerPort>(std::move(*port));
    }

    /// Records read.
    unsigned drain() {
        unsigned records = 0;
        for (Bytes record = port_->ring.next(); !record.empty();
             record = port_->ring.next(), records++) {
            l7_record head;
            REQUIRE(record.size() >= sizeof(head));
            std::memcpy(&head, record.data(), sizeof(head));
            REQUIRE(head.size <= record.size() - sizeof(head));
            if (!classifier_)
                continue;
            if (const auto verdict = classifier_->take(
                    {head, record.subspan(sizeof(head), head.size)}, head.time_ns))
                apply({*verdict});
        }
        port_->ring.commit();
        return records;
    }

    /// Puts verdicts in force; returns the batch's count of flows that it met.
    std::uint32_t apply(const std::vector<l7_verdict> &verdicts) {
        port_->batch->count = static_cast<__u32>(verdicts.size());
        std::copy(verdicts.begin(), verdicts.end(), port_->batch->verdicts);
        REQUIRE(state_.kernel->apply(0));
        port_->batch->count = 0;
        return port_->batch->applied;
    }

    WorkerPort &port() { return *port_; }

  private:
    State &state_;
    Classifier *classifier_;
    std::unique_ptr<WorkerPort> port_;
};

/// All flows of a table by key, as text "src:sport>dst:dport/l4".
inline std::vector<l7_flow_entry> flows_in(const State &state, FlowTables::Table table) {
    std::vector<l7_flow_entry> out;
    REQUIRE(state.kernel->flows().walk(table, [&](const l7_flow_entry &entry) {
        out.push_back(entry);
        return true;
    }));
    return out;
}

inline l7_account account_of(const State &state, unsigned attach, std::uint16_t protocol) {
    for (const AccountRow &row : state.kernel->accounts().protocols())
        if (row.attach == attach && row.number == protocol)
            return row.account;
    return {};
}

} // namespace l7::test
