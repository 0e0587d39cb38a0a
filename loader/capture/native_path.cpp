// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/native_path.hpp"

#include "core/flow/judge.hpp"

#include <algorithm>
#include <string_view>

namespace l7 {

namespace {
constexpr std::uint32_t kSecond = 1000; // ticks are milliseconds here
}

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
    : limits_(limits), sink_(std::move(sink)), presume_(std::move(presume)),
      expect_(std::move(expect)) {}

void NativePath::packet(const std::uint8_t *data, std::size_t size, std::uint32_t wire_size,
                        std::uint64_t time_ns, bool l3) {
    l7_packet packet;
    l7_fragment_key datagram;
    const l7_parse result =
        l7_parse_packet(data, data + size, wire_size, l3 ? 1 : 0, &packet, &datagram);

    if (result != L7_PARSE_OK && result != L7_PARSE_FRAGMENT)
        return l7_count_parse(&counters_, result);
    if (packet.fragment && !defragment(packet, datagram))
        return;

    if (l7_is_tunnel(&packet, limits_.tunnels)) {
        if (l7_enter_tunnel(data, data + size, wire_size, &packet))
            counters_.tunnels_entered++;
        else
            counters_.tunnels_opaque++;
    }
    const auto now = static_cast<std::uint32_t>(time_ns / 1'000'000);
    NativeFlow &flow = flow_of(packet, time_ns, now);
    const std::uint32_t direction = l7_flow_direction(&flow.flow, &packet);
    flow.last_ns = time_ns;
    l7_flow_count(&flow.flow, direction, 1, wire_size, now, kSecond);
    int ends = 0;
    if (packet.key.l4 == L7_IPPROTO_TCP && packet.fragment != 2) {
        if (!track(flow, packet, direction, data, size, now))
            return;
        ends = l7_flow_note_flags(&flow.flow, &packet, direction);
    }
    if (l7_flow_wanted(&flow.flow))
        sample(flow, packet, direction, ends, data, size, time_ns);
}

NativeFlow &NativePath::flow_of(const l7_packet &packet, std::uint64_t time_ns, std::uint32_t now) {
    NativeFlow *&known = live_.at(packet.key);
    const NativeFlow *const before = known;
    if (known && l7_flow_restarts(&known->flow, &packet)) {
        counters_.flows_restarted++;
        known = nullptr;
    } else if (known && l7_flow_expired(&known->flow, packet.key.l4, &limits_.timeouts, now)) {
        (known->flow.protocol > L7_UNKNOWN ? counters_.expired_flows
                                           : counters_.expired_newcomers)++;
        known = nullptr;
    }
    if (!known) {
        NativeFlow &fresh = flows_.emplace_back();
        fresh.key = packet.key;
        fresh.first_ns = time_ns;
        l7_flow_begin(&fresh.flow, &packet, now);
        // Flows of one key are told apart by their birth, and captures may have coarse clocks.
        if (before && static_cast<std::int32_t>(now - before->flow.born) <= 0)
            fresh.flow.born = before->flow.born + 1;
        known = &fresh;
        counters_.flows_created++;
        begin_flow(fresh, packet, time_ns);
    }
    return *known;
}

/// What a flow is before its bytes say so: announced by another, or like its server's last.
void NativePath::begin_flow(NativeFlow &flow, const l7_packet &packet, std::uint64_t time_ns) {
    if (const auto expected = expect_ ? expect_(packet, time_ns) : std::nullopt) {
        l7_flow_expect(&flow.flow, &*expected);
        counters_.flows_expected++;
        l7_record head{};
        head.key = flow.key;
        head.time_ns = time_ns;
        head.hash = l7_key_hash(&flow.key);
        head.packet = 1;
        head.offset = expected->id;
        head.flags = L7_R_EXPECTED;
        head.direction = flow.flow.flags & L7_F_INITIATOR_1 ? 1 : 0;
        head.protocol = flow.flow.protocol;
        head.born = flow.flow.born;
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

/// Whether the segment fits its connection's windows.
bool NativePath::track(NativeFlow &flow, const l7_packet &packet, std::uint32_t direction,
                       const std::uint8_t *data, std::size_t size, std::uint32_t now) {
    if (!l7_flow_wanted(&flow.flow) && l7_tcp_quick(&flow.flow, &packet, direction, now))
        return true;
    l7_tcp_options options{};
    if (packet.payload <= size)
        l7_tcp_options_read(data + packet.payload - packet.options, packet.options, &options);
    const l7_tcp_fit fit = l7_tcp_segment(&flow.flow, &packet, direction, &options, now, kSecond);
    l7_count_tcp(&counters_, fit);
    return fit == L7_TCP_FITS;
}

bool NativePath::defragment(l7_packet &packet, const l7_fragment_key &datagram) {
    if (packet.fragment == 1) {
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

void NativePath::sample(NativeFlow &flow, const l7_packet &packet, std::uint32_t direction,
                        int ends, const std::uint8_t *data, std::size_t size,
                        std::uint64_t time_ns) {
    const std::uint32_t payload = packet.fragment == 2 ? 0 : packet.payload_size;
    l7_sample taken;
    const l7_sample_kind kind =
        l7_flow_sample(&flow.flow, &packet, direction, payload, ends, limits_.sample_packets,
                       limits_.sample_bytes, &taken);

    if (kind == L7_SAMPLE_RETRANSMITTED)
        counters_.retransmitted++;
    if (kind != L7_SAMPLE_TAKE)
        return;
    if (taken.limit)
        (taken.limit == 1 ? counters_.limit_packets : counters_.limit_bytes)++;

    // A capture may hold less of the packet than there was.
    const std::size_t start = std::min<std::size_t>(packet.payload + taken.skip, size);
    const std::size_t at_hand = std::min<std::size_t>(taken.size, size - start);
    l7_record head{};
    head.key = flow.key;
    head.time_ns = time_ns;
    head.hash = l7_key_hash(&flow.key);
    head.packet = static_cast<std::uint32_t>(flow.flow.packets[0] + flow.flow.packets[1]);
    head.offset = taken.offset;
    head.size = static_cast<std::uint16_t>(at_hand);
    head.direction = static_cast<std::uint8_t>(direction);
    head.flags = taken.flags;
    if (flow.flow.flags & L7_F_INITIATOR_1)
        head.flags |= L7_R_INITIATOR_1;
    head.wire_size = static_cast<std::uint16_t>(std::min<std::uint32_t>(payload, 0xffff));
    head.born = flow.flow.born;
    head.protocol = flow.flow.flags & L7_F_PROVISIONAL ? L7_UNSET : flow.flow.protocol;
    counters_.records++;
    l7_flow_sampled(&flow.flow, direction, &taken);
    sink_({head, Bytes(data + start, at_hand)});
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
