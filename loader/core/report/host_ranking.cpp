// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/host_ranking.hpp"

#include "core/base/key.hpp"

#include <l7ctl/rate.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <tuple>

namespace l7 {

namespace {

bool faster(const RankedHost &a, const RankedHost &b) {
    return std::tie(a.bytes_per_s, a.bytes) > std::tie(b.bytes_per_s, b.bytes);
}

bool larger(const RankedHost &a, const RankedHost &b) {
    return std::tie(a.bytes, a.bytes_per_s) > std::tie(b.bytes, b.bytes_per_s);
}

/// The finalizer of MurmurHash3: every bit of the input changes half of the output's.
std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ value >> 33) * 0xff51afd7ed558ccdULL;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return value ^ value >> 33;
}

} // namespace

std::string address_text(const RankedHost &host) {
    l7_key key{};
    std::memcpy(key.addr[0], host.address.data(), host.address.size());
    key.family = host.family;
    return end_of(key, 0).address;
}

HostRanking::HostRanking(std::uint32_t second, std::uint64_t seed)
    : second_(second), seed_(seed), slots_(kSlots) {}

/// The host's, or the free one that it would have.
RankedHost &HostRanking::slot_of(const std::array<std::uint8_t, 16> &address) {
    std::uint64_t half[2];
    std::memcpy(half, address.data(), sizeof(half));
    std::size_t at = mixed(mixed(half[0] ^ seed_) + half[1]) % kSlots;
    while (slots_[at].flows != 0 && slots_[at].address != address)
        at = (at + 1) % kSlots;
    return slots_[at];
}

void HostRanking::add(const l7_flow_entry &entry) {
    const l7_flow &flow = entry.flow;
    const unsigned target = flow.flags & L7_F_INITIATOR_1 ? 0 : 1;
    const bool same =
        std::memcmp(entry.key.addr[0], entry.key.addr[1], sizeof(entry.key.addr[0])) == 0;
    std::uint64_t rate = 0;

    for (unsigned way = 0; way < 2; way++)
        rate += l7_rate_read(&flow, way, entry.now, second_);
    flows_++;
    for (unsigned end = same ? 1 : 0; end < 2; end++) {
        if (hosts_ >= kMost)
            forget_least();
        std::array<std::uint8_t, 16> address;
        std::memcpy(address.data(), entry.key.addr[end], address.size());
        RankedHost &host = slot_of(address);
        if (host.flows++ == 0)
            hosts_++;
        host.address = address;
        host.family = entry.key.family;
        host.bytes_per_s += rate;
        host.bytes += flow.bytes[0] + flow.bytes[1];
        if (end == target && flow.host)
            host.name = flow.host;
    }
}

std::vector<RankedHost> HostRanking::all() const {
    std::vector<RankedHost> out;
    out.reserve(hosts_);
    std::ranges::copy_if(slots_, std::back_inserter(out),
                         [](const RankedHost &host) { return host.flows != 0; });
    return out;
}

/// Half of those that stay are the fastest, the others have most bytes of the rest.
void HostRanking::forget_least() {
    std::vector<RankedHost> hosts = all();
    const auto middle = hosts.begin() + kKept / 2, end = hosts.begin() + kKept;
    std::nth_element(hosts.begin(), middle, hosts.end(), faster);
    std::nth_element(middle, end, hosts.end(), larger);
    forgotten_ += static_cast<std::uint64_t>(hosts.end() - end);
    hosts.erase(end, hosts.end());
    std::ranges::fill(slots_, RankedHost{});
    // Of equals those in the first slots stay; by the same hash they would crowd there.
    seed_ = mixed(seed_ + 1);
    for (const RankedHost &host : hosts)
        slot_of(host.address) = host;
    hosts_ = hosts.size();
}

std::vector<RankedHost> HostRanking::top(By by) const {
    std::vector<RankedHost> out(std::min(kShown, hosts_));
    std::ranges::partial_sort_copy(all(), out, by == By::Rate ? faster : larger);
    return out;
}

} // namespace l7
