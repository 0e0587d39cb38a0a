// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/native_path.hpp"

#include "core/flow/judge.hpp"

#include <algorithm>
#include <string_view>

namespace l7 {

namespace {
l7_settings settings_of(const NativeLimits &limits) {
    l7_settings out{};
    out.sample_bytes = limits.sample_bytes;
    out.sample_packets = limits.sample_packets;
    out.tunnels = limits.tunnels;
    out.second = 1000; // ticks are milliseconds here
    return out;
}
} // namespace

std::size_t NativePath::FragmentHash::operator()(const l7_fragment_key &key) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char *>(&key), sizeof(key)});
}

bool NativePath::FragmentEqual::operator()(const l7_fragment_key &a,
                                           const l7_fragment_key &b) const {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}

std::size_t FlowIndex::place(const l7_key &key, std::uint32_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = hash & mask;; i = (i + 1) & mask)
        if (!slots_[i].flow || (slots_[i].hash == hash && KeyEqual()(slots_[i].flow->key, key)))
            return i;
}

NativeFlow *FlowIndex::find(const l7_key &key) const {
    return slots_[place(key, l7_key_hash(&key))].flow;
}

NativeFlow *&FlowIndex::at(const l7_key &key) {
    const std::uint32_t hash = l7_key_hash(&key);
    std::size_t i = place(key, hash);
    if (!slots_[i].flow) {
        if (++used_ * 2 > slots_.size()) {
            grow();
            i = place(key, hash);
        }
        slots_[i].hash = hash;
    }
    return slots_[i].flow;
}

void FlowIndex::grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot &slot : old)
        if (slot.flow)
            slots_[place(slot.flow->key, slot.hash)] = slot;
}

NativePath::NativePath(NativeLimits limits, Sink sink, Presume presume, Expect expect)
    : settings_(settings_of(limits)), timeouts_(limits.timeouts), sink_(std::move(sink)),
      presume_(std::move(presume)), expect_(std::move(expect)) {}

void NativePath::packet(const std::uint8_t *data, std::size_t size, std::uint32_t wire_size,
                        std::uint64_t time_ns, bool l3) {
    l7_pass pass{};
    if (!read({data, size}, wire_size, l3, pass.packet))
        return;
    pass.bytes = wire_size;
    pass.packets = 1;
    pass.attach = L7_NOWHERE;
    pass.now = static_cast<std::uint32_t>(time_ns / 1'000'000);
    NativeFlow &flow = flow_of(pass, time_ns);
    flow.last_ns = time_ns;
    if (!l7_step_count(&flow.flow, &pass, &settings_))
        rest_of_step(flow, pass, {data, size}, time_ns);
}

/// Parses the packet, or the one that a tunnel's packet carries. False where it belongs to no flow.
bool NativePath::read(Bytes data, std::uint32_t wire_size, bool l3, l7_packet &packet) {
    const std::uint8_t *const end = data.data() + data.size();
    l7_fragment_key datagram;
    const l7_parse result =
        l7_parse_packet(data.data(), end, wire_size, l3 ? 1 : 0, &packet, &datagram);

    if (result != L7_PARSE_OK && result != L7_PARSE_FRAGMENT) {
        l7_count_parse(&counters_, result);
        return false;
    }
    if (packet.fragment != L7_FRAGMENT_NONE && !defragment(packet, datagram))
        return false;
    if (l7_is_tunnel(&packet, settings_.tunnels)) {
        if (l7_enter_tunnel(data.data(), end, wire_size, &packet))
            counters_.tunnels_entered++;
        else
            counters_.tunnels_opaque++;
    }
    return true;
}

void NativePath::rest_of_step(NativeFlow &flow, const l7_pass &pass, Bytes data,
                              std::uint64_t time_ns) {
    const l7_packet &packet = pass.packet;
    l7_tcp_options said{};
    l7_sample sample;

    if (packet.payload <= data.size())
        l7_tcp_options_read(data.data() + packet.payload - packet.options, packet.options, &said);
    if (l7_step_rest(&flow.flow, &pass, &said, &settings_, &counters_, &sample) != L7_SAMPLE_TAKE)
        return;
    l7_record head;
    l7_record_fill(&head, L7_RECORD_SAMPLE, &flow.flow, &pass, &sample, time_ns);
    // A capture may hold less of the packet than there was.
    const std::size_t start = std::min<std::size_t>(packet.payload + sample.skip, data.size());
    const Bytes at_hand =
        data.subspan(start, std::min<std::size_t>(head.size, data.size() - start));
    head.size = static_cast<std::uint16_t>(at_hand.size());
    l7_step_recorded(&flow.flow, &pass, &sample, &counters_, 1);
    sink_({head, at_hand});
}

NativeFlow &NativePath::flow_of(const l7_pass &pass, std::uint64_t time_ns) {
    const l7_packet &packet = pass.packet;
    NativeFlow *&known = live_.at(packet.key);
    const NativeFlow *const before = known;
    if (known && l7_flow_restarts(&known->flow, &packet)) {
        counters_.flows_restarted++;
        known = nullptr;
    } else if (known && l7_flow_expired(&known->flow, packet.key.l4, &timeouts_, pass.now)) {
        (known->flow.protocol > L7_UNKNOWN ? counters_.expired_flows
                                           : counters_.expired_newcomers)++;
        known = nullptr;
    }
    if (!known) {
        NativeFlow &fresh = flows_.emplace_back();
        fresh.key = packet.key;
        fresh.first_ns = time_ns;
        l7_flow_begin(&fresh.flow, &packet, pass.now);
        // Flows of one key are told apart by their birth, and captures may have coarse clocks.
        if (before && static_cast<std::int32_t>(pass.now - before->flow.born) <= 0)
            fresh.flow.born = before->flow.born + 1;
        known = &fresh;
        counters_.flows_created++;
        begin_flow(fresh, pass, time_ns);
    }
    return *known;
}

/// What a flow is before its bytes say so: announced by another, or like its server's last.
void NativePath::begin_flow(NativeFlow &flow, const l7_pass &pass, std::uint64_t time_ns) {
    const l7_packet &packet = pass.packet;
    if (const auto expected = expect_ ? expect_(packet, time_ns) : std::nullopt) {
        l7_flow_expect(&flow.flow, &*expected);
        counters_.flows_expected++;
        l7_record head;
        l7_record_fill(&head, L7_RECORD_EXPECTED, &flow.flow, &pass, nullptr, time_ns);
        sink_({head, {}});
        return;
    }
    if (!presume_)
        return;
    l7_endpoint server;
    l7_flow_server(&packet.key, &flow.flow, &server);
    if (const auto verdict = presume_(server, time_ns)) {
        l7_flow_presume(&flow.flow, verdict->protocol, verdict->application);
        counters_.flows_provisional++;
    }
}

bool NativePath::defragment(l7_packet &packet, const l7_fragment_key &datagram) {
    if (packet.fragment == L7_FRAGMENT_FIRST) {
        if (fragments_.insert_or_assign(datagram, l7_fragment_of(&packet)).second)
            fragment_order_.push_back(datagram);
        if (fragment_order_.size() > L7_FRAGMENTS_MAX) {
            fragments_.erase(fragment_order_.front());
            fragment_order_.pop_front();
        }
        return true;
    }
    counters_.fragments_later++;
    const auto first = fragments_.find(datagram);
    if (first == fragments_.end()) {
        counters_.fragments_orphan++;
        return false;
    }
    l7_fragment_apply(&packet, &datagram, &first->second);
    return true;
}

void NativePath::apply(const l7_verdict &verdict) {
    NativeFlow *const known = live_.find(verdict.key);
    if (!known || known->flow.born != verdict.born) {
        counters_.verdicts_missing++;
        return;
    }
    l7_flow &flow = known->flow;
    if (verdict.op == L7_APPLY_TOLD)
        return;
    if (verdict.op == L7_APPLY_UNFOLLOW) {
        flow.flags &= ~static_cast<std::uint32_t>(L7_F_FOLLOW | L7_F_LISTEN);
        return;
    }
    if (verdict.op == L7_APPLY_UPDATE) {
        l7_flow_judged(&flow, &verdict);
        counters_.verdicts_updated++;
        return;
    }
    if (flow.protocol != L7_UNSET && !(flow.flags & L7_F_PROVISIONAL)) {
        counters_.verdicts_late++;
        return;
    }
    l7_flow_judged(&flow, &verdict);
    counters_.verdicts++;
}

} // namespace l7
