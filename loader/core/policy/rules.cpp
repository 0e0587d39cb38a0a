// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/rules.hpp"

#include "core/report/protocol_list.hpp"

#include <l7ctl/rules.h>

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <set>

namespace l7 {

namespace {

bool has(const std::vector<std::string> &list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
}

/// How many letters are to be changed, put in or left out.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); j++)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); i++) {
        std::size_t corner = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); j++) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1])});
            corner = above;
        }
    }
    return row[b.size()];
}

std::string did_you_mean(std::string_view word, const std::set<std::string> &known) {
    const std::string *best = nullptr;
    std::size_t least = word.size() / 3 + 2;
    for (const std::string &one : known)
        if (const std::size_t far = distance(word, one); far < least) {
            least = far;
            best = &one;
        }
    return best ? fmt::format("; did you mean '{}'?", *best) : std::string();
}

/// Names that rules may use.
struct Names {
    std::set<std::string> protocols, applications, groups;
    std::map<std::string, std::set<std::uint16_t>> protocols_of, applications_of; ///< by group

    explicit Names(const Knowledge &knowledge) {
        for (const auto &[name, protocol] : known_protocols(knowledge.database->patterns())) {
            protocols.insert(name);
            for (const std::string &group : protocol.groups)
                protocols_of[group].insert(knowledge.protocols->find(name));
        }
        if (knowledge.applications)
            for (const Application &one : knowledge.applications->all()) {
                applications.insert(one.name);
                for (const std::string &group : one.groups)
                    applications_of[group].insert(knowledge.application_numbers->find(one.name));
            }
        for (const auto *all : {&protocols_of, &applications_of})
            for (const auto &[group, members] : *all)
                groups.insert(group);
    }
};

void warn_of_names(const Rule &rule, const Names &names, std::vector<std::string> &warnings) {
    const auto check = [&](const std::vector<std::string> &words,
                           const std::set<std::string> &known, const char *what) {
        for (const std::string &word : words)
            if (!known.contains(word))
                warnings.push_back(fmt::format("line {}: no {} is called '{}'{}", rule.line, what,
                                               word, did_you_mean(word, known)));
    };
    check(rule.protocols, names.protocols, "protocol");
    check(rule.applications, names.applications, "application");
    check(rule.groups, names.groups, "group");
}

/// Whether every flow that meets `later` meets `earlier` before it; not always seen where it is so.
bool hides(const Rule &earlier, const Rule &later) {
    const auto wider = [](const auto &a, const auto &b) {
        return a.empty() || (!b.empty() && std::ranges::all_of(b, [&](const auto &one) {
                   return std::ranges::find(a, one) != a.end();
               }));
    };
    const auto same = [](const auto &a, const auto &b) { return !a || a == b; };
    const bool states = (earlier.everything || earlier.unset >= later.unset) &&
                        (earlier.everything || earlier.unknown >= later.unknown);
    const bool what =
        earlier.everything ||
        (!later.everything && wider(earlier.protocols, later.protocols) &&
         wider(earlier.groups, later.groups) && wider(earlier.applications, later.applications) &&
         !(earlier.protocols.empty() && earlier.groups.empty() && earlier.applications.empty() &&
           !later.protocols.empty()));
    return states && what && wider(earlier.hostnames, later.hostnames) &&
           wider(earlier.devices, later.devices) && wider(earlier.prefixes, later.prefixes) &&
           wider(earlier.ports, later.ports) && same(earlier.ingress, later.ingress) &&
           same(earlier.rate, later.rate) && same(earlier.bytes, later.bytes) &&
           same(earlier.packets, later.packets) && same(earlier.age, later.age);
}

void set_range(const std::optional<Range> &range, std::uint32_t bit, __u64 (&to)[2],
               std::uint32_t &asks) {
    if (!range)
        return;
    asks |= bit;
    to[0] = range->from;
    to[1] = range->to;
}

l7_rule compiled(const Rule &rule) {
    l7_rule out{};
    __u64 age[2] = {};

    set_range(rule.rate, L7_RULE_RATE, out.rate, out.asks);
    set_range(rule.bytes, L7_RULE_BYTES, out.bytes, out.asks);
    set_range(rule.packets, L7_RULE_PACKETS, out.packets, out.asks);
    set_range(rule.age, L7_RULE_AGE, age, out.asks);
    for (unsigned i = 0; i < 2; i++)
        out.age[i] = static_cast<std::uint32_t>(std::min<__u64>(age[i], ~0U));
    if (rule.rate && rule.rate->outside)
        out.asks |= L7_RULE_NOT_RATE;
    if (rule.mark) {
        out.outcome |= L7_O_MARK;
        out.mark = *rule.mark;
    }
    if (rule.classid) {
        out.outcome |= L7_O_CLASS;
        out.classid = *rule.classid;
    }
    if (rule.drop)
        out.outcome |= L7_O_DROP;
    if (rule.keep)
        out.outcome |= L7_O_KEEP;
    return out;
}

/// A rule for flows without a verdict alone is for no protocol.
bool names_a_protocol(const Rule &rule) {
    return !rule.protocols.empty() ||
           ((rule.unset || rule.unknown) && rule.groups.empty() && rule.applications.empty());
}

} // namespace

RuleTables RuleTables::compile(const std::vector<Rule> &rules, const Knowledge &knowledge,
                               std::vector<std::string> &warnings) {
    const Names names(knowledge);
    RuleTables out;

    out.source_ = rules;
    if (out.source_.size() > L7_RULES_MAX) {
        warnings.push_back(fmt::format("line {}: only the first {} rules are used",
                                       rules[L7_RULES_MAX].line, L7_RULES_MAX));
        out.source_.resize(L7_RULES_MAX);
    }
    out.prefixes_.emplace_back(Prefix6{}, 0);
    for (std::size_t i = 0; i < out.source_.size(); i++) {
        const Rule &rule = out.source_[i];
        const std::uint64_t bit = 1ULL << i;
        warn_of_names(rule, names, warnings);
        const auto hidden =
            std::ranges::find_if(out.source_.begin(), out.source_.begin() + static_cast<long>(i),
                                 [&](const Rule &earlier) { return hides(earlier, rule); });
        if (hidden != out.source_.begin() + static_cast<long>(i))
            warnings.push_back(fmt::format("line {}: never reached, the rule in line {} is met "
                                           "by all its flows",
                                           rule.line, hidden->line));
        out.rules_.push_back(compiled(rule));
        if (out.rules_.back().asks)
            out.moving_ |= bit;

        for (std::uint16_t n = 0; n < knowledge.protocols->end(); n++) {
            const bool state = n == L7_UNSET ? rule.unset : n == L7_UNKNOWN && rule.unknown;
            const bool flow = n <= L7_UNKNOWN || n >= L7_PROTOCOL_FIRST;
            const bool named = n > L7_UNKNOWN && has(rule.protocols, knowledge.protocols->name(n));
            if (flow && (!names_a_protocol(rule) || state || named))
                out.protocols_[n].named |= bit;
            if (rule.groups.empty() || state)
                out.protocols_[n].grouped |= bit;
        }
        for (std::uint32_t n = 0; n < L7_APPLICATIONS_MAX; n++)
            if (rule.applications.empty())
                out.applications_[n].named |= bit;
        for (const std::string &name : rule.applications)
            if (names.applications.contains(name))
                out.applications_[knowledge.application_numbers->find(name)].named |= bit;
        for (const std::string &group : rule.groups) {
            if (const auto known = names.protocols_of.find(group);
                known != names.protocols_of.end())
                for (const std::uint16_t n : known->second)
                    out.protocols_[n].grouped |= bit;
            if (const auto known = names.applications_of.find(group);
                known != names.applications_of.end())
                for (const std::uint16_t n : known->second)
                    out.applications_[n].grouped |= bit;
        }
        for (std::uint32_t port = 0; port < 65536; port++)
            if (rule.ports.empty() || std::ranges::any_of(rule.ports, [&](const auto &range) {
                    return port >= range.first && port <= range.second;
                }))
                out.ports_[port] |= bit;
        for (const Prefix6 &prefix : rule.prefixes)
            if (std::ranges::find(out.prefixes_, prefix,
                                  [](const auto &one) { return one.first; }) == out.prefixes_.end())
                out.prefixes_.emplace_back(prefix, 0);
    }
    // Of each prefix all rules that a wider one of theirs lets in.
    for (auto &known : out.prefixes_)
        for (std::size_t i = 0; i < out.source_.size(); i++)
            if (out.source_[i].prefixes.empty() ||
                std::ranges::any_of(out.source_[i].prefixes,
                                    [&](const Prefix6 &one) { return one.covers(known.first); }))
                known.second |= 1ULL << i;
    return out;
}

std::uint64_t RuleTables::host(std::string_view name) const {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < source_.size(); i++)
        if (source_[i].hostnames.empty() ||
            (!name.empty() && std::ranges::any_of(source_[i].hostnames, [&](const auto &glob) {
                return glob_matches(glob, name);
            })))
            out |= 1ULL << i;
    return out;
}

std::uint64_t RuleTables::flow(const l7_key &key, const l7_flow &flow,
                               std::string_view name) const {
    l7_rule_look look{};
    look.protocol = protocols_[flow.protocol % protocols_.size()];
    look.application = applications_[flow.application % applications_.size()];
    look.host = host(name);
    for (unsigned end = 0; end < 2; end++) {
        Prefix6 address;
        std::memcpy(address.address, key.addr[end], sizeof(address.address));
        address.bits = 128;
        const auto *longest = &prefixes_.front();
        for (const auto &one : prefixes_)
            if (one.first.bits >= longest->first.bits && one.first.covers(address))
                longest = &one;
        look.address |= longest->second;
        look.port |= ports_[L7_BE16(key.port[end])];
    }
    return l7_rules_of(&look) & (~moving_ | flow.rules_now);
}

std::uint64_t RuleTables::hook(std::string_view device, l7_hook hook) const {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < source_.size(); i++) {
        const Rule &rule = source_[i];
        if ((rule.devices.empty() || has(rule.devices, device)) &&
            (!rule.ingress || *rule.ingress == (hook == L7_INGRESS)))
            out |= 1ULL << i;
    }
    return out;
}

} // namespace l7
