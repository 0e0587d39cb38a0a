// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's packet path, natively: the same headers decide, over tables of our own.
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/key.hpp"

#include <l7ctl/step.h>
#include <l7ctl/tunnel.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace l7 {

struct Sample;

/// A flow as the native path keeps it. Ticks are milliseconds of the capture's clock.
struct NativeFlow {
    l7_key key;
    l7_flow flow;
    std::uint64_t first_ns;
    std::uint64_t last_ns;
};

struct NativeLimits {
    std::uint32_t sample_packets = 10;
    std::uint32_t sample_bytes = 4096;
    std::uint32_t tunnels = L7_TUNNEL_IPIP; ///< whose packets count as those they carry
    l7_timeouts timeouts = {7'200'000, 120'000, 120'000, 180'000, 60'000, 60'000, 600'000, 1'000};
};

/// The newest flow of each key, by open addressing: each packet asks for one.
class FlowIndex {
  public:
    /// The place of the key's flow; null where there is none yet, to be filled in at once.
    NativeFlow *&at(const l7_key &key);
    NativeFlow *find(const l7_key &key) const;

  private:
    struct Slot {
        std::uint32_t hash;
        NativeFlow *flow = nullptr;
    };

    std::size_t place(const l7_key &key, std::uint32_t hash) const;
    void grow();

    std::vector<Slot> slots_ = std::vector<Slot>(1024); ///< a power of two, at most half full
    std::size_t used_ = 0;
};

class NativePath {
  public:
    using Sink = std::function<void(const Sample &)>;

    /// What a new flow to this server is presumed to be; nothing is an answer.
    using Presume = std::function<std::optional<l7_endpoint_verdict>(const l7_endpoint &,
                                                                     std::uint64_t now_ns)>;

    /// What a new flow was announced as, by its first packet; nothing is an answer.
    using Expect =
        std::function<std::optional<l7_expectation>(const l7_packet &, std::uint64_t now_ns)>;

    /// Each sample goes to `sink`, which may call apply for the same flow at once.
    NativePath(NativeLimits limits, Sink sink, Presume presume = {}, Expect expect = {});

    /// One packet: the bytes at hand, its size on the wire, its time, and whether it starts with
    /// its IP header.
    void packet(const std::uint8_t *data, std::size_t size, std::uint32_t wire_size,
                std::uint64_t time_ns, bool l3);

    /// Gives a flow its verdict, as l7_apply does.
    void apply(const l7_verdict &verdict);

    const l7_counters &counters() const { return counters_; }

    /// Every flow, in order of first appearance, ended ones included.
    const std::deque<NativeFlow> &flows() const { return flows_; }

  private:
    bool read(Bytes data, std::uint32_t wire_size, bool l3, l7_packet &packet);
    bool defragment(l7_packet &packet, const l7_fragment_key &datagram);
    NativeFlow &flow_of(const l7_pass &pass, std::uint64_t time_ns);
    void begin_flow(NativeFlow &flow, const l7_pass &pass, std::uint64_t time_ns);
    void rest_of_step(NativeFlow &flow, const l7_pass &pass, Bytes data, std::uint64_t time_ns);

    struct FragmentHash {
        std::size_t operator()(const l7_fragment_key &key) const;
    };
    struct FragmentEqual {
        bool operator()(const l7_fragment_key &a, const l7_fragment_key &b) const;
    };

    l7_settings settings_;
    l7_timeouts timeouts_;
    Sink sink_;
    Presume presume_;
    Expect expect_;
    l7_counters counters_{};
    std::deque<NativeFlow> flows_;
    FlowIndex live_;
    std::unordered_map<l7_fragment_key, l7_fragment, FragmentHash, FragmentEqual> fragments_;
    std::deque<l7_fragment_key> fragment_order_;
};

} // namespace l7
