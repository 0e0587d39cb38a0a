// SPDX-License-Identifier: GPL-2.0-or-later
// What the readers of the configuration's parts share: values of the right kind, and complaints
// with file, line and column. For those readers alone: it brings toml++ along.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <toml++/toml.h>
#include <vector>

namespace l7 {

class TomlReader {
  public:
    TomlReader(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

    /// What is wrong so far, a line each with the line of the file below; "": nothing.
    const std::string &errors() const { return errors_; }

    void at(const toml::source_position &where, const std::string &what) {
        if (!errors_.empty())
            errors_ += '\n';
        errors_ += file_ + ":" + std::to_string(where.line) + ":" + std::to_string(where.column) +
                   ": " + what;
        const std::string_view line = line_of(where.line);
        if (!line.empty())
            errors_ += "\n    " + std::string(line);
    }

    void wrong(const toml::node &node, const std::string &what) { at(node.source().begin, what); }

    std::string_view line_of(unsigned number) const {
        std::string_view rest = text_;
        for (unsigned i = 1; i < number && !rest.empty(); i++) {
            const std::size_t end = rest.find('\n');
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        }
        return rest.substr(0, std::min<std::size_t>(rest.find('\n'), 200));
    }

    void only(const toml::table &table, std::initializer_list<std::string_view> keys,
              const std::string &of) {
        for (const auto &[key, node] : table)
            if (std::ranges::find(keys, key.str()) == keys.end())
                at(key.source().begin, "'" + std::string(key.str()) + "' is no key of " + of);
    }

    const toml::table *section(const toml::table &root, const char *name) {
        const toml::node *node = root.get(name);
        if (!node)
            return nullptr;
        if (!node->is_table())
            wrong(*node, "[" + std::string(name) + "] must be a table");
        return node->as_table();
    }

    void number(const toml::table &table, const char *key, std::int64_t least, std::int64_t most,
                std::uint32_t &into) {
        const toml::node *node = table.get(key);
        if (!node)
            return;
        const auto value = node->value_exact<std::int64_t>();
        if (!value || *value < least || *value > most)
            wrong(*node, std::string(key) + " must be a whole number from " +
                             std::to_string(least) + " to " + std::to_string(most));
        else
            into = static_cast<std::uint32_t>(*value);
    }

    void flag(const toml::table &table, const char *key, bool &into) {
        const toml::node *node = table.get(key);
        if (!node)
            return;
        if (const auto value = node->value_exact<bool>())
            into = *value;
        else
            wrong(*node, std::string(key) + " must be true or false");
    }

    std::vector<std::string> strings(const toml::table &table, const char *key) {
        std::vector<std::string> out;
        const toml::node *node = table.get(key);
        if (!node)
            return out;
        const auto add = [&](const toml::node &one) {
            if (const auto value = one.value_exact<std::string>())
                out.push_back(*value);
            else
                wrong(one, std::string(key) + " must be a string or a list of strings");
        };
        if (const toml::array *list = node->as_array())
            for (const toml::node &one : *list)
                add(one);
        else
            add(*node);
        return out;
    }

    template <class Each>
    void tables(const toml::table &root, const char *key, Each each) {
        const toml::node *node = root.get(key);
        if (!node)
            return;
        const toml::array *list = node->as_array();
        if (!list)
            return wrong(*node, std::string(key) + " must be written [[" + key + "]]");
        for (const toml::node &one : *list)
            if (const toml::table *table = one.as_table())
                each(*table);
            else
                wrong(one, std::string(key) + " must be written [[" + key + "]]");
    }

    std::string_view text() const { return text_; }
    const std::string &file() const { return file_; }

  private:
    std::string_view text_;
    std::string file_;
    std::string errors_;
};

} // namespace l7
