// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/rules.hpp"

#include <l7ctl/rules.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fnmatch.h>
#include <iterator>
#include <span>

namespace l7 {

namespace {

bool has(const std::vector<std::string> &list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
}

l7_rule compiled(const Rule &rule) {
    l7_rule out{};
    for (unsigned i = 0; i < L7_AMOUNTS; i++)
        if (const auto &range = rule.amounts[i]) {
            out.asks |= 1U << i;
            out.outside |= range->outside ? 1U << i : 0;
            out.ranges[i][0] = range->from;
            out.ranges[i][1] = range->to;
        }
    if (rule.mark) {
        out.outcome |= L7_O_MARK;
        out.mark = *rule.mark;
        out.mark_mask = rule.mark_mask;
    }
    if (rule.classid) {
        out.outcome |= L7_O_CLASS;
        out.classid = *rule.classid;
    }
    if (rule.set_dscp) {
        out.outcome |= L7_O_DSCP;
        out.dscp = *rule.set_dscp;
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

RuleTables RuleTables::compile(const std::vector<Rule> &rules, const Knowledge &knowledge) {
    const RuleNames names(knowledge);
    RuleTables out;

    out.source_ = rules;
    if (out.source_.size() > L7_RULES_MAX)
        out.source_.resize(L7_RULES_MAX);
    out.prefixes_.emplace_back(Prefix6{}, 0);
    for (std::size_t i = 0; i < out.source_.size(); i++) {
        out.enter(out.source_[i], 1ULL << i);
        out.enter_names(out.source_[i], 1ULL << i, names, knowledge);
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

/// What the rule asks of packets and addresses.
void RuleTables::enter(const Rule &rule, std::uint64_t bit) {
    rules_.push_back(compiled(rule));
    if (rules_.back().asks)
        moving_ |= bit;
    if (rule.drop)
        dropping_ |= bit;
    if (!rule.dscps.empty())
        by_dscp_ |= bit;
    if (!rules_.back().asks && rule.dscps.empty() && rule.devices.empty() && !rule.ingress)
        lasting_ |= bit;
    for (std::size_t dscp = 0; dscp < dscps_.size(); dscp++)
        if (rule.dscps.empty() || std::ranges::find(rule.dscps, dscp) != rule.dscps.end())
            dscps_[dscp] |= bit;
    for (std::uint32_t port = 0; port < 65536; port++)
        if (rule.ports.empty() || std::ranges::any_of(rule.ports, [&](const auto &range) {
                return port >= range.first && port <= range.second;
            }))
            ports_[port] |= bit;
    for (const Prefix6 &prefix : rule.prefixes)
        if (std::ranges::find(prefixes_, prefix, [](const auto &one) { return one.first; }) ==
            prefixes_.end())
            prefixes_.emplace_back(prefix, 0);
}

/// What the rule asks of verdicts.
void RuleTables::enter_names(const Rule &rule, std::uint64_t bit, const RuleNames &names,
                             const Knowledge &knowledge) {
    for (std::uint16_t n = 0; n < L7_PROTOCOLS_MAX; n++) {
        const bool state = n == L7_UNSET ? rule.unset : n == L7_UNKNOWN && rule.unknown;
        const bool flow = n <= L7_UNKNOWN || n >= L7_PROTOCOL_FIRST;
        const bool named = n > L7_UNKNOWN && has(rule.protocols, knowledge.protocols->name(n));
        if (flow && (!names_a_protocol(rule) || state || named))
            protocols_[n].named |= bit;
        if (rule.groups.empty() || state)
            protocols_[n].grouped |= bit;
    }
    for (std::uint32_t n = 0; n < L7_APPLICATIONS_MAX; n++)
        if (rule.applications.empty())
            applications_[n].named |= bit;
    for (const std::string &name : rule.applications)
        if (names.applications.contains(name))
            applications_[knowledge.application_numbers->find(name)].named |= bit;
    for (const std::string &group : rule.groups) {
        if (const auto known = names.protocols_of.find(group); known != names.protocols_of.end())
            for (const std::uint16_t n : known->second)
                protocols_[n].grouped |= bit;
        if (const auto known = names.applications_of.find(group);
            known != names.applications_of.end())
            for (const std::uint16_t n : known->second)
                applications_[n].grouped |= bit;
    }
}

std::vector<unsigned> RuleTables::lines() const {
    std::vector<unsigned> out;
    std::ranges::transform(source_, std::back_inserter(out), &Rule::line);
    return out;
}

std::uint64_t RuleTables::host(std::string_view name) const {
    const std::string host(name); // ends in the NUL that fnmatch asks for
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < source_.size(); i++)
        if (source_[i].hostnames.empty() ||
            (!host.empty() && std::ranges::any_of(source_[i].hostnames, [&](const auto &glob) {
                return fnmatch(glob.c_str(), host.c_str(), FNM_CASEFOLD) == 0;
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

std::optional<l7_rule> RuleTables::lasting(const l7_key &key, const l7_flow &flow_,
                                           std::string_view name) const {
    const std::uint64_t met = flow(key, flow_, name) & lasting_;
    if (met == 0)
        return std::nullopt;
    return rules_[static_cast<std::size_t>(std::countr_zero(met))];
}

std::optional<RuleTables::Named> RuleTables::named_by(std::uint32_t mark,
                                                      std::uint32_t ours) const {
    const Rule *only = nullptr;
    for (std::size_t i = 0; i < rules_.size(); i++) {
        const l7_rule &rule = rules_[i];
        const std::uint32_t mask = rule.mark_mask & ours, value = rule.mark & mask;
        if (!(lasting_ >> i & 1) || !(rule.outcome & L7_O_MARK) || value == 0 ||
            (mark & mask) != value)
            continue;
        if (only)
            return std::nullopt;
        only = &source_[i];
    }
    if (!only || only->protocols.size() != 1 || only->unset || only->unknown)
        return std::nullopt;
    return Named{only->protocols.front(),
                 only->applications.size() == 1 ? only->applications.front() : ""};
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

std::uint64_t RuleTables::digest() const {
    std::uint64_t out = 0xcbf29ce484222325; // FNV-1a
    for (const l7_rule &rule : rules_)
        for (const auto byte : std::as_bytes(std::span(&rule, 1)))
            out = (out ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
    return out;
}

} // namespace l7
