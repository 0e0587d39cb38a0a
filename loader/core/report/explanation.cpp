// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/explanation.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {

std::string dissector_name(std::uint16_t id) {
    const auto kinds = dissector_kinds();
    return id < kinds.size() ? kinds[id].name : "?";
}

std::string event_text(const TraceEvent &event, const Database &database) {
    switch (event.kind) {
    case TraceEvent::Kind::Asked:
        return dissector_name(event.id) + " dissector: may be mine";
    case TraceEvent::Kind::Declined:
        return dissector_name(event.id) + " dissector: not mine";
    case TraceEvent::Kind::Proved:
        return dissector_name(event.id) + " dissector: certain";
    case TraceEvent::Kind::Complete:
        return dissector_name(event.id) + " dissector: has all it wants";
    case TraceEvent::Kind::Matched: {
        const Evidence &evidence = database.evidence(event.id);
        const Pattern &pattern = database.pattern(evidence);
        return fmt::format("pattern {} matches ({}, {})", pattern.name, to_string(evidence.quality),
                           pattern.file);
    }
    case TraceEvent::Kind::Announced:
        return "verdict given, more bytes awaited";
    case TraceEvent::Kind::Gap:
        return fmt::format("bytes from the {} are lost, what follows them is not read",
                           event.id == 0 ? "initiator" : "responder");
    }
    return "?";
}

/// Why a flow has no protocol, or no application, in a sentence.
std::string shortage(const FlowReport &report) {
    if (report.reason == "limit")
        return "gave up: the limit of packets or bytes looked at was reached";
    if (report.reason == "one-sided")
        return "gave up: payload came from one direction only";
    if (report.reason == "mid-stream")
        return "gave up: the connection's beginning was not seen";
    if (report.reason == "no-match")
        return "gave up: nothing known begins like this";
    if (report.hostname.empty() &&
        (report.protocol == "tls" || report.protocol == "quic" || report.protocol == "dtls"))
        return "no application: encrypted, and no name was sent in the clear";
    if (!report.hostname.empty() && report.application.empty())
        return "no application: no list has this name";
    return {};
}

std::string hex_dump(const Trace::Direction &direction) {
    std::string hex, text;
    for (std::uint32_t i = 0; i < direction.kept; i++) {
        const std::uint8_t byte = direction.first[i];
        hex += fmt::format("{:02x}{}", byte, i % 16 == 15 ? "  " : " ");
        text += byte >= ' ' && byte < 0x7f ? static_cast<char>(byte) : '.';
    }
    return hex + "|" + text + "|";
}

} // namespace

std::string explain_text(const FlowReport &report, const Explanation *explanation) {
    std::string out = to_text(report);

    if (!explanation)
        return out + "    nothing is remembered of how this was found out\n";
    const Trace &trace = explanation->trace;
    for (unsigned way = 0; way < 2; way++)
        out += fmt::format("    {} {} bytes in {} packets looked at{}{}\n", way == 0 ? "->" : "<-",
                           trace.directions[way].bytes, trace.directions[way].packets,
                           trace.directions[way].kept ? ": " : "",
                           trace.directions[way].kept ? hex_dump(trace.directions[way]) : "");
    for (std::uint32_t i = 0; i < trace.count; i++)
        out += fmt::format("    packet {:<4} {}\n", trace.events[i].packet,
                           event_text(trace.events[i], *explanation->database));
    if (trace.dropped)
        out += fmt::format("    and {} more\n", trace.dropped);
    for (const auto &[what, value] : explanation->details)
        out += fmt::format("    {}: {}\n", what, value);
    if (const std::string why = shortage(report); !why.empty())
        out += "    " + why + "\n";
    return out;
}

std::string explain_json(const FlowReport &report, const Explanation *explanation) {
    nlohmann::ordered_json out = nlohmann::ordered_json::parse(to_json(report));
    nlohmann::ordered_json &more = out["explanation"];

    if (!explanation)
        return out.dump();
    const Trace &trace = explanation->trace;
    for (unsigned way = 0; way < 2; way++) {
        const Trace::Direction &from = trace.directions[way];
        std::string hex;
        for (std::uint32_t i = 0; i < from.kept; i++)
            hex += fmt::format("{:02x}", from.first[i]);
        more[way == 0 ? "initiator" : "responder"] = {
            {"bytes", from.bytes}, {"packets", from.packets}, {"first", hex}};
    }
    more["events"] = nlohmann::ordered_json::array();
    for (std::uint32_t i = 0; i < trace.count; i++)
        more["events"].push_back({{"packet", trace.events[i].packet},
                                  {"what", event_text(trace.events[i], *explanation->database)}});
    for (const auto &[what, value] : explanation->details)
        more[what] = value;
    more["shortage"] = shortage(report);
    return out.dump();
}

} // namespace l7
