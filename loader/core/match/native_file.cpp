// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/native_file.hpp"

#include "core/names/protocols.hpp"

#include <l7ctl/abi.h>

#include <algorithm>
#include <toml++/toml.h>

namespace l7 {

namespace {

class Reader {
  public:
    Reader(const toml::table &root, std::string file) : root_(root), file_(std::move(file)) {}

    Result<Pattern> run(std::string_view stem) {
        Pattern out;

        out.file = file_;
        only(root_,
             {"name", "title", "spec", "groups", "quality", "ports", "match", "order", "supersedes",
              "dissected", "ip"}, // the last two are read by the build: see BuiltInProtocol
             "a pattern");
        out.name = text(root_, "name", true);
        if (!out.name.empty() && out.name != stem)
            wrong(root_.get("name"),
                  "name is '" + out.name + "', the file says '" + std::string(stem) + "'");
        if (out.name.size() >= L7_NAME_MAX || !std::ranges::all_of(out.name, name_character))
            wrong(root_.get("name"), "a name is at most 31 of a-z, 0-9, '-' and '_'");
        out.title = text(root_, "title", false);
        out.spec = text(root_, "spec", false);
        out.quality = quality(root_, Quality::Good);
        out.groups = names("groups");
        out.supersedes = names("supersedes");
        order(out);
        ports(out);
        matches(out);
        if (!errors_.empty())
            return Error{errors_};
        return out;
    }

  private:
    static bool name_character(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }

    void wrong(const toml::node *node, const std::string &what) {
        const auto line = node ? node->source().begin.line : 1;
        if (!errors_.empty())
            errors_ += '\n';
        errors_ += file_ + ":" + std::to_string(line) + ": " + what;
    }

    void only(const toml::table &table, std::initializer_list<std::string_view> keys,
              const std::string &of) {
        for (const auto &[key, node] : table)
            if (std::ranges::find(keys, key.str()) == keys.end())
                wrong(&node, "'" + std::string(key.str()) + "' is no key of " + of);
    }

    std::string text(const toml::table &table, const char *key, bool needed) {
        const toml::node *node = table.get(key);
        if (!node) {
            if (needed)
                wrong(&table, std::string(key) + " is missing");
            return {};
        }
        if (const auto value = node->value_exact<std::string>())
            return *value;
        wrong(node, std::string(key) + " must be a string");
        return {};
    }

    Quality quality(const toml::table &table, Quality otherwise) {
        const std::string word = text(table, "quality", false);
        if (word.empty())
            return otherwise;
        if (const auto found = quality_from(word))
            return *found;
        wrong(table.get("quality"),
              "quality is great, good, ok, marginal or poor, not '" + word + "'");
        return otherwise;
    }

    std::vector<std::string> names(const char *key) {
        std::vector<std::string> out;
        const toml::node *node = root_.get(key);
        const toml::array *list = node ? node->as_array() : nullptr;
        if (node && !list)
            wrong(node, std::string(key) + " must be a list of strings");
        if (!list)
            return out;
        for (const toml::node &one : *list)
            if (const auto name = one.value_exact<std::string>())
                out.push_back(*name);
            else
                wrong(&one, std::string(key) + " must be a list of strings");
        return out;
    }

    void order(Pattern &out) {
        const std::string word = text(root_, "order", false);
        if (word.empty())
            return;
        if (const auto found = order_from(word))
            out.order = *found;
        else
            wrong(root_.get("order"), "order is \"before\" or \"after\", not '" + word + "'");
    }

    void ports(Pattern &out) {
        const toml::node *node = root_.get("ports");
        if (!node)
            return;
        const toml::array *list = node->as_array();
        if (!list)
            return wrong(node, "ports must be a list of numbers");
        for (const toml::node &one : *list) {
            const auto port = one.value_exact<std::int64_t>();
            if (port && *port > 0 && *port < 65536)
                out.ports.push_back(static_cast<std::uint16_t>(*port));
            else
                wrong(&one, "a port is a number from 1 to 65535");
        }
    }

    void matches(Pattern &out) {
        const toml::node *node = root_.get("match");
        const toml::array *list = node ? node->as_array() : nullptr;
        if (!node && built_in_protocol(out.name))
            return; // the file only describes it
        if (!list || list->empty())
            return wrong(node, "at least one [[match]] is needed");
        for (const toml::node &one : *list)
            if (const toml::table *table = one.as_table())
                out.matches.push_back(match(*table, out.quality));
            else
                wrong(&one, "match must be a table: [[match]]");
    }

    PatternMatch match(const toml::table &table, Quality otherwise) {
        PatternMatch out;

        only(table, {"l4", "quality", "midstream", "client", "server", "either"}, "a match");
        transports(table, out);
        out.quality = quality(table, otherwise);
        if (const toml::node *node = table.get("midstream")) {
            if (const auto value = node->value_exact<bool>())
                out.midstream = *value;
            else
                wrong(node, "midstream is true or false");
        }
        out.client = part(table, "client");
        out.server = part(table, "server");
        out.either = part(table, "either");
        if (!out.client && !out.server && !out.either)
            wrong(&table, "a match needs client, server or either");
        return out;
    }

    void transports(const toml::table &table, PatternMatch &out) {
        const toml::node *node = table.get("l4");
        if (!node)
            return wrong(&table, "l4 is missing");
        const auto add = [&](const toml::node &one) {
            const auto word = one.value_exact<std::string>();
            if (word == "tcp")
                out.transports |= 1U << static_cast<unsigned>(Transport::Tcp);
            else if (word == "udp")
                out.transports |= 1U << static_cast<unsigned>(Transport::Udp);
            else if (word == "sctp")
                out.transports |= 1U << static_cast<unsigned>(Transport::Sctp);
            else
                wrong(&one, "l4 is \"tcp\", \"udp\", \"sctp\" or a list of them");
        };
        if (const toml::array *list = node->as_array())
            for (const toml::node &one : *list)
                add(one);
        else
            add(*node);
    }

    std::optional<PatternPart> part(const toml::table &table, const char *key) {
        const toml::node *node = table.get(key);
        if (!node)
            return std::nullopt;
        PatternPart out;
        out.line = node->source().begin.line;
        if (const auto expression = node->value_exact<std::string>()) {
            out.expression = *expression;
        } else if (const toml::table *parts = node->as_table()) {
            only(*parts, {"re", "where", "times"}, "a part");
            out.expression = text(*parts, "re", true);
            if (const std::string where = text(*parts, "where", false); !where.empty()) {
                if (auto condition = Condition::compile(where))
                    out.where = std::move(*condition);
                else
                    wrong(parts->get("where"), "where: " + condition.error().message);
            }
            if (const toml::node *times = parts->get("times")) {
                const auto value = times->value_exact<std::int64_t>();
                if (value && *value >= 1 && *value <= 16)
                    out.times = static_cast<unsigned>(*value);
                else
                    wrong(times, "times is a number from 1 to 16");
            }
        } else {
            wrong(node,
                  std::string(key) + " is an expression or { re = ..., where = ..., times = ... }");
        }
        if (out.expression.empty())
            wrong(node, std::string(key) + " has no expression");
        return out;
    }

    const toml::table &root_;
    std::string file_;
    std::string errors_;
};

} // namespace

Result<Pattern> parse_native_pattern(std::string_view text, const std::string &file,
                                     std::string_view stem) {
    try {
        const toml::table root = toml::parse(text, file);
        return Reader(root, file).run(stem);
    } catch (const toml::parse_error &error) {
        return Error{file + ":" + std::to_string(error.source().begin.line) + ": " +
                     std::string(error.description())};
    }
}

} // namespace l7
