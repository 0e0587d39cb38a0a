// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/protocol_list.hpp"

#include "core/dissect/dissector.hpp"
#include "core/dissect/ip_protocol.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {

void add(std::vector<std::string> &to, std::string_view word) {
    if (std::ranges::find(to, word) == to.end())
        to.emplace_back(word);
}

void add_transports(KnownProtocol &to, unsigned transports) {
    static constexpr const char *kNames[kTransports] = {"tcp", "udp", "sctp"};
    for (unsigned i = 0; i < kTransports; i++)
        if (transports >> i & 1U)
            add(to.l4, kNames[i]);
}

void add_pattern(KnownProtocol &to, const Pattern &pattern) {
    const bool first = to.by.empty();

    to.name = pattern.name;
    if (!pattern.title.empty())
        to.title = pattern.title;
    if (!pattern.spec.empty())
        to.spec = pattern.spec;
    for (const std::string &group : pattern.groups)
        add(to.groups, group);
    if (first)
        to.quality = pattern.quality;
    to.attributes = pattern.attributes;
    to.supersedes = pattern.supersedes;
    to.file = pattern.file;
    if (pattern.form == Pattern::Form::L7Filter) {
        add(to.by, "l7-filter");
        return add_transports(to, 3); // it never said which
    }
    add(to.by, "pattern");
    for (const PatternMatch &match : pattern.matches)
        add_transports(to, match.transports);
}

} // namespace

std::map<std::string, KnownProtocol, std::less<>>
known_protocols(const std::vector<Pattern> &patterns) {
    std::map<std::string, KnownProtocol, std::less<>> out;

    for (const DissectedProtocol &one : dissected_protocols()) {
        KnownProtocol &to = out[one.name];
        to = {one.name, one.title, one.spec, {one.group}, {"dissector"}, {}};
        add_transports(to, one.transports);
    }
    for (const IpProtocol &one : ip_protocols()) {
        if (!one.named())
            continue;
        KnownProtocol &to = out[std::string(one.name)];
        to.name = one.name;
        to.title = one.title;
        to.spec = one.spec;
        add(to.groups, one.group);
        add(to.by, "ip");
        add(to.l4, "ip");
    }
    for (const Pattern &pattern : patterns)
        add_pattern(out[pattern.name], pattern);
    return out;
}

std::string protocol_list_head() {
    return fmt::format("{:<16} {:<9} {:<18} {:<12} {:<20} {}", "protocol", "quality", "by", "over",
                       "groups", "title");
}

std::string to_text(const KnownProtocol &protocol) {
    const std::string attributes = protocol.attributes.empty()
                                       ? std::string()
                                       : fmt::format("[{}]", fmt::join(protocol.attributes, " "));
    return fmt::format("{:<16} {:<9} {:<18} {:<12} {:<20} {}", protocol.name,
                       to_string(protocol.quality), fmt::format("{}", fmt::join(protocol.by, ",")),
                       fmt::format("{}", fmt::join(protocol.l4, ",")),
                       fmt::format("{}", fmt::join(protocol.groups, ",")),
                       protocol.title.empty() ? attributes : protocol.title);
}

std::string to_json(const KnownProtocol &protocol) {
    return nlohmann::ordered_json{{"protocol", protocol.name},
                                  {"quality", to_string(protocol.quality)},
                                  {"by", protocol.by},
                                  {"l4", protocol.l4},
                                  {"groups", protocol.groups},
                                  {"title", protocol.title},
                                  {"spec", protocol.spec},
                                  {"attributes", protocol.attributes},
                                  {"supersedes", protocol.supersedes},
                                  {"file", protocol.file}}
        .dump();
}

} // namespace l7
