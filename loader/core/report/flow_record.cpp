// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/flow_record.hpp"

#include "core/names/protocols.hpp"
#include "core/report/flow_report.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {

std::array<std::uint8_t, 16> address_of(const l7_key &key, unsigned end) {
    std::array<std::uint8_t, 16> out{};
    if (key.family == 4)
        std::memcpy(out.data(), &key.addr[end][3], 4);
    else
        std::memcpy(out.data(), key.addr[end], 16);
    return out;
}

/// Which way each attachment point saw the flow says where it came in and where it went out.
void find_interfaces(const l7_flow &flow, const std::vector<l7_attachment> &attachments,
                     FlowRecord &out) {
    for (unsigned way = 0; way < 2; way++) {
        const unsigned point = flow.owner[way];
        if (point == 0 || point > attachments.size())
            continue;
        const l7_attachment &at = attachments[point - 1];
        const bool came_in = (at.hook == L7_INGRESS) == (way == 0);
        Interface &interface = came_in ? out.ingress : out.egress;
        if (at.mode != L7_ATTACH_NONE && interface.index == 0)
            interface = {at.ifindex, std::string(at.dev, strnlen(at.dev, sizeof(at.dev)))};
    }
}

/// Whose RST it was the kernel does not keep: it stands with the initiator's.
std::array<std::uint8_t, 2> tcp_flags_of(std::uint32_t flags) {
    const auto bits = [flags](std::uint32_t syn, std::uint32_t fin) {
        return (flags & syn ? L7_TCP_SYN : 0) | (flags & fin ? L7_TCP_FIN : 0);
    };
    return {static_cast<std::uint8_t>(bits(L7_F_SYN_0, L7_F_FIN_0) |
                                      (flags & L7_F_RST ? L7_TCP_RST : 0)),
            static_cast<std::uint8_t>(bits(L7_F_SYN_1, L7_F_FIN_1))};
}

nlohmann::ordered_json flags_json(std::uint8_t flags) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    if (flags & L7_TCP_SYN)
        out.push_back("syn");
    if (flags & L7_TCP_FIN)
        out.push_back("fin");
    if (flags & L7_TCP_RST)
        out.push_back("rst");
    return out;
}

} // namespace

FlowRecord make_record(const FlowClosing &closing, const Knowledge &knowledge,
                       const std::vector<l7_attachment> &attachments, std::uint32_t ticks) {
    const l7_key &key = closing.entry.key;
    const l7_flow &flow = closing.entry.flow;
    const unsigned initiator = flow.flags & L7_F_INITIATOR_1 ? 1 : 0;
    const auto wall_of = [&](std::uint32_t tick) {
        const auto ago = static_cast<std::int32_t>(closing.entry.now - tick);
        const std::uint64_t ms = static_cast<std::uint64_t>(std::max(ago, 0)) * 1000 / ticks;
        return closing.wall_ms - std::min(ms, closing.wall_ms);
    };

    FlowRecord out;
    out.source = address_of(key, initiator);
    out.target = address_of(key, initiator ^ 1);
    out.sport = ntohs(key.port[initiator]);
    out.dport = ntohs(key.port[initiator ^ 1]);
    out.l4 = key.l4;
    out.family = key.family;
    out.end = closing.reason;
    out.midstream = (flow.flags & L7_F_MIDSTREAM) != 0;
    if (key.l4 == L7_IPPROTO_TCP)
        out.tcp_flags = tcp_flags_of(flow.flags);
    out.amounts = closing.amounts;
    out.first_ms = wall_of(flow.born);
    out.end_ms = std::max(wall_of(flow.seen[0]), wall_of(flow.seen[1]));
    out.start_ms = std::clamp(closing.since_ms, out.first_ms, std::max(out.first_ms, out.end_ms));
    out.protocol_number = flow.protocol;
    out.application_number = flow.application;
    out.protocol = knowledge.protocols->name(flow.protocol);
    if (flow.application && knowledge.application_numbers)
        out.application = knowledge.application_numbers->name(flow.application);
    if (knowledge.hosts)
        out.hostname = knowledge.hosts->name(flow.host);
    out.reason = reason_name(flow.reason);
    find_interfaces(flow, attachments, out);
    return out;
}

const char *end_reason_name(EndReason reason) {
    switch (reason) {
    case EndReason::Idle:
        return "idle";
    case EndReason::Active:
        return "active";
    case EndReason::End:
        return "end";
    case EndReason::Forced:
        return "forced";
    case EndReason::Resources:
        return "resources";
    }
    return "";
}

std::string address_text(const std::array<std::uint8_t, 16> &address, std::uint8_t family) {
    char text[INET6_ADDRSTRLEN];
    return inet_ntop(family == 4 ? AF_INET : AF_INET6, address.data(), text, sizeof(text));
}

std::string to_json(const FlowRecord &record) {
    nlohmann::ordered_json out{
        {"l4", l4_name(record.l4)},
        {"src", address_text(record.source, record.family)},
        {"sport", record.sport},
        {"dst", address_text(record.target, record.family)},
        {"dport", record.dport},
        {"protocol", record.protocol},
        {"application", record.application},
        {"hostname", record.hostname},
        {"reason", record.reason},
        {"end_reason", end_reason_name(record.end)},
        {"packets", record.amounts.packets[0] + record.amounts.packets[1]},
        {"bytes", record.amounts.bytes[0] + record.amounts.bytes[1]},
        {"packets_sent", record.amounts.packets[0]},
        {"bytes_sent", record.amounts.bytes[0]},
        {"packets_received", record.amounts.packets[1]},
        {"bytes_received", record.amounts.bytes[1]},
        {"first_ms", record.first_ms},
        {"start_ms", record.start_ms},
        {"end_ms", record.end_ms},
        {"ingress", record.ingress.name},
        {"egress", record.egress.name},
    };
    if (record.l4 == L7_IPPROTO_TCP) {
        out["tcp_flags_sent"] = flags_json(record.tcp_flags[0]);
        out["tcp_flags_received"] = flags_json(record.tcp_flags[1]);
    }
    // A name is whatever the wire said: bytes that are no UTF-8 must not lose the record.
    return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace l7
