// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/flow_report.hpp"

#include "core/base/fields_json.hpp"
#include "core/base/key.hpp"
#include "core/names/protocols.hpp"

#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {
constexpr std::pair<std::uint8_t, const char *> kAttributes[] = {
    {L7_A_TLS, "tls"}, {L7_A_STARTTLS, "starttls"}, {L7_A_ECH, "ech"}, {L7_A_HINTED, "hinted"}};
}

std::string end_text(const End &end) {
    if (end.address.find(':') != std::string::npos)
        return fmt::format("[{}]:{}", end.address, end.port);
    return fmt::format("{}:{}", end.address, end.port);
}

const char *reason_name(std::uint8_t reason) {
    static constexpr std::array<const char *, L7_REASONS> kNames{
        "",         "pattern",  "dissector", "expected",  "replica",    "dns-hint",
        "endpoint", "operator", "limit",     "one-sided", "mid-stream", "no-match"};
    return reason < kNames.size() ? kNames[reason] : "";
}

std::string classid_text(std::uint32_t classid) {
    return classid == 0 ? std::string() : fmt::format("{:x}:{:x}", classid >> 16, classid & 0xffff);
}

nlohmann::ordered_json key_json(const l7_key &key) {
    const End one = end_of(key, 0), other = end_of(key, 1);
    return {{"l4", l4_name(key.l4)},
            {"ends",
             {{{"address", one.address}, {"port", one.port}},
              {{"address", other.address}, {"port", other.port}}}}};
}

std::string key_text(const l7_key &key) {
    return fmt::format("{} {}-{}", l4_name(key.l4), end_text(end_of(key, 0)),
                       end_text(end_of(key, 1)));
}

FlowReport report_flow(const l7_key &key, const l7_flow &flow, const Knowledge &knowledge) {
    const unsigned initiator = flow.flags & L7_F_INITIATOR_1 ? 1 : 0;
    const End source = end_of(key, initiator);
    const End target = end_of(key, initiator ^ 1);

    FlowReport out;
    out.l4 = l4_name(key.l4);
    out.src = source.address;
    out.sport = source.port;
    out.dst = target.address;
    out.dport = target.port;
    out.protocol = knowledge.protocols->name(flow.protocol);
    if (flow.application && knowledge.application_numbers)
        out.application = knowledge.application_numbers->name(flow.application);
    if (knowledge.hosts)
        out.hostname = knowledge.hosts->name(flow.host);
    for (const auto &[bit, word] : kAttributes)
        if (flow.attributes & bit)
            out.attributes.emplace_back(word);
    out.reason = reason_name(flow.reason);
    out.verdict_packet = flow.verdict_packet;
    out.verdict_sample = flow.verdict_sample;
    if (flow.parent && knowledge.expectations)
        out.parent = knowledge.expectations->parent_of(flow.parent);
    out.packets = flow.packets[0] + flow.packets[1];
    out.bytes = flow.bytes[0] + flow.bytes[1];
    return out;
}

std::string to_json(const FlowReport &report) {
    nlohmann::ordered_json out;
    write_fields(out, report);
    if (report.parent)
        out["parent"] = key_json(*report.parent);
    if (report.live) {
        write_fields(out, *report.live);
        if (report.live->window_scale)
            for (const auto &scale : *report.live->window_scale)
                out["window_scale"].push_back(scale ? nlohmann::ordered_json(*scale) : nullptr);
    }
    return out.dump();
}

std::string to_text(const FlowReport &report) {
    std::string out = fmt::format(
        "{:<5} {:<28} {:<28} {:<14} {:<11} @{:<3} {:>8} pkt {:>11} B", report.l4,
        end_text({report.src, report.sport}), end_text({report.dst, report.dport}), report.protocol,
        report.reason, report.verdict_packet, report.packets, report.bytes);
    if (!report.application.empty())
        out += " " + report.application;
    if (!report.hostname.empty())
        out += " " + report.hostname;
    if (report.parent)
        out += " child of " + key_text(*report.parent);
    if (report.live)
        out += fmt::format(" dev {} mark {:#x} class {}", report.live->dev, report.live->mark,
                           report.live->classid.empty() ? "-" : report.live->classid);
    return out + "\n";
}

} // namespace l7
