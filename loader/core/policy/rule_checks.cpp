// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/rule_checks.hpp"

#include "core/policy/rule_names.hpp"

#include <l7ctl/abi.h>

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

namespace l7 {

namespace {

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

void warn_of_names(const Rule &rule, const RuleNames &names, std::vector<std::string> &warnings) {
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
           wider(earlier.ports, later.ports) && wider(earlier.dscps, later.dscps) &&
           same(earlier.ingress, later.ingress) &&
           std::ranges::equal(earlier.amounts, later.amounts, same);
}

/// Two rules whose marks share some bits but not all, and one mark for two classes.
void warn_of_marks(const std::vector<Rule> &rules, std::vector<std::string> &warnings) {
    for (std::size_t i = 0; i < rules.size(); i++)
        for (std::size_t j = 0; j < i && rules[i].mark; j++) {
            const Rule &a = rules[j], &b = rules[i];
            if (!a.mark)
                continue;
            if ((a.mark_mask & b.mark_mask) != 0 && a.mark_mask != b.mark_mask)
                warnings.push_back(fmt::format(
                    "line {}: the mark {:#x}/{:#x} overlaps with {:#x}/{:#x} of line {}", b.line,
                    *b.mark, b.mark_mask, *a.mark, a.mark_mask, a.line));
            else if (a.mark_mask == b.mark_mask && a.mark == b.mark && a.classid && b.classid &&
                     a.classid != b.classid)
                warnings.push_back(
                    fmt::format("line {}: the mark {:#x} is that of line {} too, whose class is "
                                "another",
                                b.line, *b.mark, a.line));
        }
}

/// Classes that take packets, but get none from rules; and numbers in our trees that nothing has.
void warn_of_classes(const Config &config, std::vector<std::string> &warnings) {
    const ShapeConfig &shape = config.shape;
    if (shape.classes.empty())
        return;
    std::vector<std::uint32_t> ids;
    for (const ShapeClass &one : shape.classes) {
        const auto id = classid_of(shape, one.name);
        ids.push_back(id.value_or(0));
        const bool inner =
            std::ranges::find(shape.classes, one.name, &ShapeClass::parent) != shape.classes.end();
        if (!inner && !one.is_default &&
            std::ranges::find(config.rules, id, &Rule::classid) == config.rules.end())
            warnings.push_back(fmt::format("class '{}' ({}): no rule gives it", one.name,
                                           handle_text(id.value_or(0))));
    }
    for (const Rule &rule : config.rules)
        if (rule.classid && *rule.classid >> 16 == shape.major &&
            std::ranges::find(ids, *rule.classid) == ids.end())
            warnings.push_back(fmt::format("line {}: there is no [[class]] with the number {}",
                                           rule.line, handle_text(*rule.classid)));
}

} // namespace

std::vector<std::string> check_rules(const Config &config, const Knowledge &knowledge) {
    const RuleNames names(knowledge);
    const std::vector<Rule> &rules = config.rules;
    std::vector<std::string> out;

    if (rules.size() > L7_RULES_MAX)
        out.push_back(fmt::format("line {}: only the first {} rules are used",
                                  rules[L7_RULES_MAX].line, L7_RULES_MAX));
    for (auto rule = rules.begin(); rule != rules.end(); ++rule) {
        warn_of_names(*rule, names, out);
        const auto hidden = std::find_if(
            rules.begin(), rule, [&](const Rule &earlier) { return hides(earlier, *rule); });
        if (hidden != rule)
            out.push_back(fmt::format("line {}: never reached, the rule in line {} is met by all "
                                      "its flows",
                                      rule->line, hidden->line));
    }
    warn_of_marks(rules, out);
    warn_of_classes(config, out);
    return out;
}

} // namespace l7
