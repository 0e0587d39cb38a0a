// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/outcomes.hpp"

#include "core/report/protocol_list.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

namespace l7 {

namespace {

using Groups = std::map<std::string, std::set<std::uint16_t>>;

l7_outcome outcome_of(const Rule &rule) {
    l7_outcome out{};
    if (rule.mark) {
        out.flags |= L7_O_MARK;
        out.mark = *rule.mark;
    }
    if (rule.classid) {
        out.flags |= L7_O_CLASS;
        out.classid = *rule.classid;
    }
    return out;
}

bool meets(const Rule &rule, std::uint16_t number, const Protocols &protocols,
           const Groups &groups) {
    if (rule.everything)
        return true;
    if (number == L7_UNSET)
        return rule.unset;
    if (number == L7_UNKNOWN)
        return rule.unknown;
    if (std::ranges::find(rule.protocols, protocols.name(number)) != rule.protocols.end())
        return true;
    return std::ranges::any_of(rule.groups, [&](const std::string &name) {
        const auto group = groups.find(name);
        return group != groups.end() && group->second.contains(number);
    });
}

} // namespace

std::vector<l7_outcome> decide_outcomes(const std::vector<Rule> &rules,
                                        const std::vector<Pattern> &patterns,
                                        const Protocols &protocols,
                                        std::vector<std::string> &warnings) {
    Groups groups;
    for (const auto &[name, protocol] : known_protocols(patterns))
        for (const std::string &group : protocol.groups)
            groups[group].insert(protocols.find(name));

    for (const Rule &rule : rules) {
        const std::string at = "line " + std::to_string(rule.line) + ": ";
        for (const std::string &name : rule.protocols)
            if (protocols.find(name) == L7_UNSET)
                warnings.push_back(fmt::format("{}no pattern recognises '{}'", at, name));
        for (const std::string &name : rule.groups)
            if (!groups.contains(name))
                warnings.push_back(fmt::format("{}no protocol is in group '{}'", at, name));
    }

    std::vector<l7_outcome> out(L7_PROTOCOLS_MAX);
    for (std::uint16_t number = 0; number < protocols.end(); number++) {
        if (number > L7_UNKNOWN && number < L7_PROTOCOL_FIRST)
            continue; // not flows
        const auto rule = std::ranges::find_if(
            rules, [&](const Rule &one) { return meets(one, number, protocols, groups); });
        if (rule != rules.end())
            out[number] = outcome_of(*rule);
    }
    return out;
}

} // namespace l7
