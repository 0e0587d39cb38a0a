// SPDX-License-Identifier: GPL-2.0-or-later
// What the benchmarks share: kernel state of their own, packets, medians, and rows of the table.
#pragma once

#include "kernel/bpffs.hpp"
#include "kernel/state.hpp"
#include "support/packets.hpp"

#include "bpf/datapath.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

namespace l7::bench {

[[noreturn]] inline void die(const std::string &what) {
    std::fprintf(stderr, "bench: %s\n", what.c_str());
    std::exit(1);
}

inline double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

inline void row(const std::string &what, const std::string &got, const std::string &wanted) {
    std::printf("| %s | %s | %s |\n", what.c_str(), got.c_str(), wanted.c_str());
    std::fflush(stdout);
}

inline std::string number(const char *format, double value) {
    char text[64];
    std::snprintf(text, sizeof(text), format, value);
    return text;
}

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Kernel state and programs below pins that go with it.
class Rig {
  public:
    Rig(std::uint32_t flows, std::uint32_t newcomers, std::uint32_t ring_bytes = 1 << 22)
        : directory_("/sys/fs/bpf/l7b-" + std::to_string(getpid())) {
        Config config;
        config.workers = 1;
        config.flows = flows;
        config.newcomers = newcomers;
        config.ring_bytes = ring_bytes;
        bool adopted = false;
        std::atexit([] { // die() runs no destructor
            (void)static_cast<bool>(remove_pins("/sys/fs/bpf/l7b-" + std::to_string(getpid())));
        });
        auto opened = KernelState::open(directory_, config, adopted);
        if (!opened)
            die(opened.error().message);
        kernel = std::move(*opened);
        skeleton.reset(datapath_bpf__open());
        if (!skeleton || !kernel->share_maps(skeleton->obj) || datapath_bpf__load(skeleton.get()))
            die("the packet programs cannot be loaded");
    }
    ~Rig() {
        skeleton.reset();
        kernel.reset();
        (void)static_cast<bool>(remove_pins(directory_));
    }

    int program() const { return bpf_program__fd(skeleton->progs.l7_ingress); }

    std::unique_ptr<KernelState> kernel;
    std::unique_ptr<datapath_bpf, void (*)(datapath_bpf *)> skeleton{nullptr,
                                                                     datapath_bpf__destroy};

  private:
    std::string directory_;
};

/// Nanoseconds a run of the program takes on the packet, by the kernel's own clock.
inline double run_ns(int program, const test::Buffer &packet, int repeat) {
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(),
                .data_size_in = static_cast<__u32>(packet.size()), .repeat = repeat);
    if (const int failure = bpf_prog_test_run_opts(program, &options); failure)
        die("BPF_PROG_TEST_RUN: " + std::to_string(failure));
    return options.duration;
}

/// A packet of flow `number`.
inline test::Packet packet_of(std::uint32_t number, bool ipv6 = false) {
    test::Packet out;
    out.l4 = 17;
    out.sport = static_cast<std::uint16_t>(1024 + number % 60000);
    const std::uint32_t host = number / 60000;
    out.source = ipv6 ? "2001:db8::" + std::to_string(1 + host % 1000)
                      : "192.0.2." + std::to_string(1 + host % 250);
    out.target = ipv6 ? "2001:db8:1::1" : "198.51.100.1";
    out.payload.assign(200, 'x');
    return out;
}

} // namespace l7::bench
