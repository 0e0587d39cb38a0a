// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/known_protocols.hpp"

#include "core/names/protocols.hpp"

#include <algorithm>

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

    for (const BuiltInProtocol &one : built_in_protocols()) {
        KnownProtocol &to = out[std::string(one.name)];
        to.name = one.name;
        to.title = one.title;
        to.spec = one.spec;
        to.groups = one.groups;
        to.by.emplace_back(one.ip ? "ip" : "dissector");
        add_transports(to, one.dissected);
        if (one.ip)
            to.l4.emplace_back("ip");
    }
    for (const Pattern &pattern : patterns)
        add_pattern(out[pattern.name], pattern);
    return out;
}

} // namespace l7
