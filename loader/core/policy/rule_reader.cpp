// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/rule_reader.hpp"

#include "core/policy/dscp.hpp"

#include <charconv>
#include <limits>

namespace l7 {

namespace {

/// Keys of amounts, in the order of l7_amount.
constexpr const char *kAmounts[L7_AMOUNTS] = {"rate", "bytes", "packets", "age"};

void range(TomlReader &in, const toml::table &table, const char *key, std::optional<Range> &out) {
    const toml::node *node = table.get(key);
    if (!node)
        return;
    const auto text = node->value_exact<std::string>();
    out = text ? parse_range(*text) : std::nullopt;
    if (!out)
        in.wrong(*node,
                 std::string(key) +
                     " is \"from:to\" with either end open, as in \"1M:\", or \"! from:to\"");
}

void ports(TomlReader &in, const toml::table &table, Rule &rule) {
    const toml::node *node = table.get("port");
    if (!node)
        return;
    const auto one = [&](const toml::node &each) {
        const auto number = each.value_exact<std::int64_t>();
        const auto text = each.value_exact<std::string>();
        const auto range = number ? std::optional(Range{static_cast<std::uint64_t>(*number),
                                                        static_cast<std::uint64_t>(*number)})
                           : text ? parse_range(*text)
                                  : std::nullopt;
        if (!range || range->outside || (number && *number < 0) || range->from > 65535)
            return in.wrong(each, "a port is a number up to 65535, or \"from:to\"");
        rule.ports.emplace_back(
            static_cast<std::uint16_t>(range->from),
            static_cast<std::uint16_t>(std::min<std::uint64_t>(range->to, 65535)));
    };
    if (const toml::array *list = node->as_array())
        for (const toml::node &each : *list)
            one(each);
    else
        one(*node);
}

/// A word out of two, the first of which is true.
std::optional<bool> one_of_two(TomlReader &in, const toml::table &table, const char *key,
                               const char *first, const char *second) {
    const toml::node *node = table.get(key);
    if (!node)
        return std::nullopt;
    const auto word = node->value_exact<std::string>();
    if (word != first && word != second)
        in.wrong(*node, std::string(key) + " is \"" + first + "\" or \"" + second + "\"");
    return word == first;
}

std::optional<std::uint8_t> code_point(TomlReader &in, const toml::node &node) {
    const auto number = node.value_exact<std::int64_t>();
    const auto text = number ? std::to_string(*number) : node.value_exact<std::string>();
    const auto dscp = text ? parse_dscp(*text) : std::nullopt;
    if (!dscp)
        in.wrong(node, "a DSCP is a name such as \"EF\" or \"AF41\", or a number up to 63");
    return dscp;
}

void dscps(TomlReader &in, const toml::table &table, Rule &rule) {
    const toml::node *node = table.get("dscp");
    if (!node)
        return;
    const auto one = [&](const toml::node &each) {
        if (const auto dscp = code_point(in, each))
            rule.dscps.push_back(*dscp);
    };
    if (const toml::array *list = node->as_array())
        for (const toml::node &each : *list)
            one(each);
    else
        one(*node);
}

/// A number, or "VALUE/MASK" with either in decimal or after 0x in hexadecimal.
void mark(TomlReader &in, const toml::table &table, std::uint32_t ours, Rule &rule) {
    const toml::node *node = table.get("mark");
    if (!node)
        return;
    const auto number = [](std::string_view text) -> std::optional<std::uint32_t> {
        const bool hex = text.starts_with("0x");
        text.remove_prefix(hex ? 2 : 0);
        std::uint32_t value = 0;
        const auto [end, failure] =
            std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
        if (failure != std::errc{} || end != text.data() + text.size())
            return std::nullopt;
        return value;
    };
    rule.mark_mask = ours;
    if (const auto whole = node->value_exact<std::int64_t>();
        whole && *whole >= 0 && *whole <= std::numeric_limits<std::uint32_t>::max())
        rule.mark = static_cast<std::uint32_t>(*whole);
    else if (const auto text = node->value_exact<std::string>()) {
        const std::size_t slash = text->find('/');
        rule.mark = number(std::string_view(*text).substr(0, slash));
        if (slash != std::string::npos) {
            const auto mask = number(std::string_view(*text).substr(slash + 1));
            if (!mask)
                rule.mark.reset();
            rule.mark_mask = mask.value_or(0);
        }
    }
    if (!rule.mark)
        in.wrong(*node, "mark is a number, or \"VALUE/MASK\"");
    else if ((rule.mark_mask & ~ours) != 0 || (*rule.mark & ~ours) != 0)
        in.wrong(*node, "the mark has bits outside [mark] mask");
    else if ((*rule.mark & ~rule.mark_mask) != 0)
        in.wrong(*node, "the mark has bits outside its own mask");
}

/// The class, by its name in [[class]] or as tc prints it.
void class_of(TomlReader &in, const toml::table &table, const Config &config, Rule &rule) {
    if (const toml::node *node = table.get("classid")) {
        const auto text = node->value_exact<std::string>();
        rule.classid = text ? parse_classid(*text) : std::nullopt;
        if (!rule.classid)
            in.wrong(*node, "classid is \"MAJ:MIN\" in hexadecimal, as tc prints it");
    }
    const toml::node *node = table.get("class");
    if (!node)
        return;
    if (table.contains("classid"))
        return in.wrong(*node, "a rule has class or classid, not both");
    const auto name = node->value_exact<std::string>();
    rule.classid = name ? classid_of(config, *name) : std::nullopt;
    if (!rule.classid)
        return in.wrong(*node, "no [[class]] is called so; classid takes \"MAJ:MIN\"");
    for (const ShapeClass &one : config.shape.classes)
        if (one.parent == *name)
            return in.wrong(*node, "'" + *name + "' has classes below it, which take its packets");
}

void outcome(TomlReader &in, const toml::table &table, const Config &config, Rule &rule) {
    mark(in, table, config.mark_mask, rule);
    class_of(in, table, config, rule);
    if (const toml::node *node = table.get("set_dscp"))
        rule.set_dscp = code_point(in, *node);
    in.flag(table, "drop", rule.drop);
    in.flag(table, "keep", rule.keep);
    const bool sets = table.contains("mark") || table.contains("classid") ||
                      table.contains("class") || table.contains("set_dscp");
    if (sets + rule.drop + rule.keep != 1)
        in.wrong(table, "a rule needs class, classid, mark or set_dscp, or else drop or keep");
}

} // namespace

void read_rule(TomlReader &in, const toml::table &table, Config &into) {
    Rule rule;
    in.only(table,
            {"protocol", "application", "group", "hostname", "device",   "direction", "address",
             "port",     "dscp",        "rate",  "bytes",    "packets",  "age",       "unset",
             "unknown",  "mark",        "class", "classid",  "set_dscp", "drop",      "keep"},
            "a rule");
    rule.line = table.source().begin.line;
    rule.protocols = in.strings(table, "protocol");
    rule.applications = in.strings(table, "application");
    rule.groups = in.strings(table, "group");
    rule.hostnames = in.strings(table, "hostname");
    rule.devices = in.strings(table, "device");
    in.flag(table, "unset", rule.unset);
    in.flag(table, "unknown", rule.unknown);
    rule.everything = !table.contains("protocol") && !table.contains("application") &&
                      !table.contains("group") && !table.contains("unset") &&
                      !table.contains("unknown");
    rule.ingress = one_of_two(in, table, "direction", "ingress", "egress");
    for (const std::string &text : in.strings(table, "address"))
        if (const auto prefix = parse_prefix(text))
            rule.prefixes.push_back(*prefix);
        else
            in.wrong(*table.get("address"), "'" + text + "' is no address, and no network of one");
    ports(in, table, rule);
    dscps(in, table, rule);
    for (std::size_t i = 0; i < rule.amounts.size(); i++) {
        range(in, table, kAmounts[i], rule.amounts[i]);
        if (i != L7_AMOUNT_RATE && rule.amounts[i] && rule.amounts[i]->outside)
            in.wrong(table, "only a rate can be outside of a range");
    }
    outcome(in, table, into, rule);
    into.rules.push_back(std::move(rule));
}

} // namespace l7
