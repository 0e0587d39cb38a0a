// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/completion.hpp"

#include "cli/completion_text.hpp"
#include "core/names/protocols.hpp"
#include "core/policy/shape_presets.hpp"
#include "core/report/flow_report.hpp"
#include "l7ctl/abi.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <vector>

namespace l7 {

namespace {

/// `--config:FILE`, `dev:DEV`, `ingress`, or `FILE` alone.
using Specs = std::vector<std::string>;

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

/// The options of a command; each has -h, which the parser adds.
std::vector<Option> options_of(const Command &command) {
    std::vector<Option> out{{"-h,--help", "", "Print this help message and exit", {}}};
    std::ranges::copy_if(command.options, std::back_inserter(out),
                         [](const Option &one) { return !one.is_argument(); });
    return out;
}

/// What follows a command.
Specs words_after(const Command &command) {
    const auto argument = std::ranges::find_if(command.options, &Option::is_argument);
    return argument == command.options.end() ? Specs() : read_grammar(argument->takes);
}

std::vector<const Command *> shown_below(const Grammar &grammar, const Command &command) {
    std::vector<const Command *> out;
    for (const Command &one : grammar)
        if (one.is_below(command.path) && !one.hidden)
            out.push_back(&one);
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
Specs option_specs(const Command &command) {
    Specs out;
    for (const Option &option : options_of(command))
        for (const std::string &name : option.all_names())
            out.push_back(option.takes.empty() ? name : name + ":" + option.takes);
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

std::string zsh_options(const std::vector<Option> &options) {
    std::string out;
    for (const Option &option : options) {
        const std::string all = fmt::format("({})", fmt::join(option.all_names(), " "));
        for (const std::string &name : option.all_names()) {
            std::string spec = all + name + "[" + zsh_text(option.help) + "]";
            if (!option.takes.empty())
                spec +=
                    fmt::format(": :_l7ctl_offer {}", fmt::join(read_grammar(option.takes), " "));
            out += " \\\n            " + quoted(spec);
        }
    }
    return out;
}

std::string zsh_case(const Grammar &grammar, const Command &command) {
    std::string out = "    " + quoted(command.path) + ")\n        _arguments -C" +
                      zsh_options(options_of(command));
    if (!command.path.empty())
        out += zsh_options(grammar.front().options); // none of which is an argument
    const auto below = shown_below(grammar, command);
    if (below.empty()) {
        std::string words;
        for (const std::string &word : words_after(command))
            words += " " + zsh_text(word);
        if (!words.empty())
            out += " \\\n            " + quoted("*: :_l7ctl_words" + words);
        return out + "\n        ;;\n";
    }
    out += " \\\n            '1: :->command' '*:: :->below'\n        commands=(";
    for (const Command *one : below)
        out += "\n            " + quoted(one->name() + ":" + zsh_text(one->help));
    return out +
           "\n        )\n        case $state in\n"
           "        command) _describe command commands ;;\n"
           "        below) _l7ctl_command " +
           quoted(command.path + (command.path.empty() ? "" : " ")) +
           "\"$line[1]\" ;;\n        esac\n        ;;\n";
}

} // namespace

std::string bash_completion(const Grammar &grammar) {
    std::string table;
    for (const Command &one : grammar) {
        if (one.hidden)
            continue;
        Specs below;
        for (const Command *command : shown_below(grammar, one))
            below.push_back(command->name());
        table += fmt::format("    {}) options={} words={} below={} ;;\n", quoted(one.path),
                             quoted(fmt::format("{}", fmt::join(option_specs(one), " "))),
                             quoted(fmt::format("{}", fmt::join(words_after(one), " "))),
                             quoted(fmt::format("{}", fmt::join(below, " "))));
    }
    return fill(fill_kinds(kBashText, "        {}) all+=({}) ;;\n"), "#TABLE#", table);
}

std::string zsh_completion(const Grammar &grammar) {
    std::string table;
    for (const Command &one : grammar)
        if (!one.hidden)
            table += zsh_case(grammar, one);
    return fill(fill_kinds(kZshText, "        {}) compadd -- {} ;;\n"), "#TABLE#", table);
}

} // namespace l7
