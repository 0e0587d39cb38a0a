// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/completion.hpp"

#include "cli/completion_text.hpp"
#include "core/dissect/ip_protocol.hpp"
#include "core/policy/shape_presets.hpp"
#include "core/report/flow_report.hpp"
#include "l7ctl/abi.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <vector>

namespace l7 {

namespace {

/// `--config:FILE`, `dev:DEV`, `ingress`, or `FILE` alone.
using Specs = std::vector<std::string>;

struct OptionTable {
    std::vector<std::string> names;
    std::string type; ///< empty: takes no value
    std::string what;
};

struct CommandTable {
    std::string path; ///< "", "attach", "shape apply"
    std::string what;
    std::vector<OptionTable> options;
    Specs words;
    std::vector<std::string> below;
};

bool is_kind(const std::string &token) {
    return std::isupper(static_cast<unsigned char>(token.front())) != 0;
}

/// `dev DEV [ingress|egress]` -> dev:DEV, ingress, egress
Specs read_grammar(std::string_view grammar) {
    Specs out;
    bool key = false; // the last of `out` is a word that a kind may still follow
    std::string token;
    const auto take = [&](char after) {
        if (!token.empty()) {
            if (key && is_kind(token))
                out.back() += ':' + token;
            else
                out.push_back(token);
            key = !is_kind(token) && after == ' ';
            token.clear();
        }
    };
    for (const char c : grammar) {
        if (c == ' ' || c == '[' || c == ']' || c == '|' || c == '.')
            take(c);
        else
            token += c;
    }
    take('\0');
    return out;
}

/// As it was given to type_name(), without what validators add.
std::string grammar_of(const CLI::Option &option) {
    const std::string all = option.get_type_name();
    return all.substr(0, all.find(':'));
}

CommandTable table_of(const CLI::App &app, const std::string &path) {
    CommandTable out{path, app.get_description(), {}, {}, {}};
    for (const CLI::Option *option : app.get_options()) {
        if (option->get_positional()) {
            out.words = read_grammar(grammar_of(*option));
            continue;
        }
        OptionTable one{{}, {}, option->get_description()};
        for (const std::string &name : option->get_snames())
            one.names.push_back("-" + name);
        for (const std::string &name : option->get_lnames())
            one.names.push_back("--" + name);
        if (option->get_type_size_max() > 0)
            one.type = grammar_of(*option);
        out.options.push_back(std::move(one));
    }
    return out;
}

void read_tables(const CLI::App &app, const std::string &path, std::vector<CommandTable> &out) {
    const std::size_t at = out.size();
    out.push_back(table_of(app, path));
    for (const CLI::App *below : app.get_subcommands({})) {
        if (below->get_group().empty())
            continue; // hidden
        out[at].below.push_back(below->get_name());
        read_tables(*below, path.empty() ? below->get_name() : path + " " + below->get_name(), out);
    }
}

std::vector<CommandTable> read_tables(const CLI::App &app) {
    std::vector<CommandTable> out;
    read_tables(app, "", out);
    return out;
}

/// Kinds of values that are one of a few words.
std::vector<std::pair<std::string, std::vector<std::string>>> fixed_kinds() {
    std::vector<std::string> reasons, transports;
    for (unsigned i = 1; i < L7_REASONS; i++)
        reasons.emplace_back(reason_name(static_cast<std::uint8_t>(i)));
    for (unsigned i = 0; i < 256; i++)
        if (std::string name = l4_name(static_cast<std::uint8_t>(i));
            !std::isdigit(static_cast<unsigned char>(name.front())))
            transports.push_back(std::move(name));
    return {{"REASON", reasons}, {"L4", transports}, {"PRESET", preset_names()}};
}

/// The options as specs; one with several words to choose from becomes `--name:one|two`.
Specs option_specs(const CommandTable &table) {
    Specs out;
    for (const OptionTable &option : table.options)
        for (const std::string &name : option.names)
            out.push_back(option.type.empty() ? name : name + ":" + option.type);
    return out;
}

std::string quoted(std::string text) {
    for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4)
        text.replace(at, 1, "'\\''");
    return "'" + text + "'";
}

/// Within an _arguments specification, brackets and colons mean something.
std::string zsh_text(std::string text) {
    for (std::size_t at = 0; (at = text.find_first_of("[]:\\", at)) != std::string::npos; at += 2)
        text.insert(at, "\\");
    return text;
}

/// `text` with what stands for the mark and its line's white space.
std::string fill(std::string_view text, std::string_view mark, const std::string &with) {
    std::string out(text);
    const std::size_t at = out.find(mark);
    const std::size_t start = out.rfind('\n', at) + 1;
    out.replace(start, at + mark.size() + 1 - start, with);
    return out;
}

/// One line each for kinds of which the words are known, as `line` has them.
std::string fill_kinds(std::string_view text,
                       fmt::format_string<const std::string &, std::string> line) {
    std::string kinds;
    for (const auto &[kind, words] : fixed_kinds())
        kinds += fmt::format(line, kind, fmt::format("{}", fmt::join(words, " ")));
    return fill(text, "#KINDS#", kinds);
}

std::string zsh_options(const std::vector<OptionTable> &options) {
    std::string out;
    for (const OptionTable &option : options) {
        const std::string all = fmt::format("({})", fmt::join(option.names, " "));
        for (const std::string &name : option.names) {
            std::string spec = all + name + "[" + zsh_text(option.what) + "]";
            if (!option.type.empty())
                spec += ": :_l7ctl_offer " +
                        fmt::format("{}", fmt::join(read_grammar(option.type), " "));
            out += " \\\n            " + quoted(spec);
        }
    }
    return out;
}

std::string zsh_case(const CommandTable &table, const CommandTable &shared,
                     const std::vector<CommandTable> &all) {
    std::string out =
        "    " + quoted(table.path) + ")\n        _arguments -C" + zsh_options(table.options);
    if (!table.path.empty()) {
        // -h is each command's own.
        std::vector<OptionTable> others = shared.options;
        std::erase_if(others, [&](const OptionTable &one) {
            return std::ranges::any_of(
                table.options, [&](const OptionTable &own) { return own.names == one.names; });
        });
        out += zsh_options(others);
    }
    if (table.below.empty()) {
        if (!table.words.empty()) {
            std::string words;
            for (const std::string &word : table.words)
                words += " " + zsh_text(word);
            out += " \\\n            " + quoted("*: :_l7ctl_words" + words);
        }
        return out + "\n        ;;\n";
    }
    const std::string prefix = table.path.empty() ? "" : table.path + " ";
    out += " \\\n            '1: :->command' '*:: :->below'\n        commands=(";
    for (const std::string &name : table.below) {
        const auto below = std::ranges::find(all, prefix + name, &CommandTable::path);
        out += "\n            " + quoted(name + ":" + zsh_text(below->what));
    }
    return out +
           "\n        )\n        case $state in\n"
           "        command) _describe command commands ;;\n"
           "        below) _l7ctl_command " +
           quoted(prefix) + "\"$line[1]\" ;;\n        esac\n        ;;\n";
}

} // namespace

std::string bash_completion(const CLI::App &app) {
    std::string table;
    for (const CommandTable &one : read_tables(app))
        table += fmt::format("    {}) options={} words={} below={} ;;\n", quoted(one.path),
                             quoted(fmt::format("{}", fmt::join(option_specs(one), " "))),
                             quoted(fmt::format("{}", fmt::join(one.words, " "))),
                             quoted(fmt::format("{}", fmt::join(one.below, " "))));
    return fill(fill_kinds(kBashText, "        {}) all+=({}) ;;\n"), "#TABLE#", table);
}

std::string zsh_completion(const CLI::App &app) {
    const auto tables = read_tables(app);
    std::string table;
    for (const CommandTable &one : tables)
        table += zsh_case(one, tables.front(), tables);
    return fill(fill_kinds(kZshText, "        {}) compadd -- {} ;;\n"), "#TABLE#", table);
}

} // namespace l7
