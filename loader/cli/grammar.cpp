// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/grammar.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace l7 {

namespace {

/// A field's words: a key, if it has one, and what may stand there.
struct Words {
    std::string key;
    std::vector<std::string> choices;
    bool optional;

    explicit Words(std::string_view text) : optional(text.starts_with('[')) {
        if (optional)
            text = text.substr(1, text.size() - 2);
        if (const std::size_t end = text.find(' '); end != text.npos) {
            key = text.substr(0, end);
            text.remove_prefix(end + 1);
        }
        choices = split(text, '|');
    }

    bool any_value() const { return is_kind(choices.front()); }
    bool allows(const std::string &word) const {
        return any_value() || std::ranges::find(choices, word) != choices.end();
    }
};

/// Reads a field from the words that begin at `at`, and returns how many those are.
std::size_t read_field(const Field &field, const std::vector<std::string> &words, std::size_t at) {
    const Words may(field.words);
    if (std::string_view(field.words).empty())
        return 0;
    if (auto *const *list = std::get_if<std::vector<std::string> *>(&field.value)) {
        (*list)->push_back(words[at]);
        return 1;
    }
    const std::size_t value = at + (may.key.empty() ? 0 : 1);
    if ((!may.key.empty() && words[at] != may.key) || value >= words.size() ||
        !may.allows(words[value]))
        return 0;
    if (auto *const *flag = std::get_if<bool *>(&field.value))
        **flag = words[value] == may.choices.front();
    else
        *std::get<std::string *>(field.value) = words[value];
    return value + 1 - at;
}

std::string noun_of(const std::string &kind) {
    return kind == "DEV" ? "device" : kind;
}

/// `[dev DEV]` -> `[**dev** *DEV*]`
std::string in_manual(std::string_view usage) {
    std::string out, word;
    const auto take = [&] {
        if (!word.empty())
            out += is_kind(word) ? "*" + word + "*" : word == "..." ? word : "**" + word + "**";
        word.clear();
    };
    for (const char c : usage) {
        if (std::string_view(" []|").find(c) == std::string_view::npos) {
            word += c;
            continue;
        }
        take();
        out += c;
    }
    take();
    for (std::size_t at; (at = out.find("** **")) != std::string::npos;)
        out.replace(at, 5, " ");
    return out;
}

std::string usage_of(const Option &option) {
    std::string out = option.is_argument() ? "" : option.all_names().front();
    if (!out.empty() && !option.takes.empty())
        out += ' ';
    out += option.takes;
    if (option.need == Need::No)
        out = "[" + out + "]";
    return option.repeats ? out + " ..." : out;
}

std::string usage_of(const Command &command, bool with_options) {
    std::string out = command.path;
    for (const bool arguments : {false, true})
        for (const Option &one : command.options)
            if (one.is_argument() == arguments && (arguments || with_options))
                out += " " + usage_of(one);
    return out;
}

void add_option(CLI::App &app, const Option &option) {
    CLI::Option *made = std::visit(
        [&]<class To>(const To &to) {
            if constexpr (std::is_same_v<To, std::function<std::string()>>)
                return app.set_version_flag(option.names, to, option.help);
            else if constexpr (std::is_same_v<To, bool *>)
                return app.add_flag(option.names, *to, option.help);
            else
                return app.add_option(option.names, *to, option.help);
        },
        option.to);
    if (!option.takes.empty())
        made->type_name(option.takes);
    if (option.need == Need::Yes || option.need == Need::OneWord)
        made->required();
    if (option.need == Need::OneWord)
        made->check(CLI::IsMember(split(option.takes, '|')));
    if (option.more)
        option.more(*made);
}

} // namespace

std::vector<std::string> Option::all_names() const {
    return split(names, ',');
}

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> out;
    for (;;) {
        const std::size_t end = text.find(at);
        out.emplace_back(text.substr(0, end));
        if (end == text.npos)
            return out;
        text.remove_prefix(end + 1);
    }
}

bool is_kind(std::string_view word) {
    return !word.empty() && std::isupper(static_cast<unsigned char>(word.front())) != 0;
}

bool Command::is_below(const std::string &other) const {
    const std::size_t cut = path.rfind(' ');
    return !path.empty() && path.substr(0, cut == path.npos ? 0 : cut) == other;
}

void make_parser(const Grammar &grammar, CLI::App &app, const Command *&chosen) {
    std::map<std::string, CLI::App *> parsers{{"", &app}};
    for (const Command &command : grammar) {
        CLI::App *&parser = parsers[command.path];
        for (const Command &above : grammar)
            if (command.is_below(above.path))
                parser = parsers.at(above.path)->add_subcommand(command.name(), command.help);
        for (const Option &option : command.options)
            add_option(*parser, option);
        if (command.run)
            parser->callback([&chosen, &command] { chosen = &command; });
        else
            parser->require_subcommand(1)->fallthrough();
        if (command.hidden)
            parser->group("");
    }
}

std::vector<std::string> synopses(const Grammar &grammar) {
    std::vector<std::string> out;
    for (const Command &command : grammar)
        if (command.path.empty())
            out.push_back(in_manual("l7ctl" + usage_of(command, true) + " COMMAND ..."));
        else if (command.run && !command.hidden)
            out.push_back(in_manual(usage_of(command, true)));
    return out;
}

std::string usage_below(const Grammar &grammar, const std::string &path) {
    std::vector<std::string> below;
    for (const Command &command : grammar)
        if (command.is_below(path))
            below.push_back(usage_of(command, false).substr(path.size() + 1));
    return fmt::format("{} {}", path, fmt::join(below, " | "));
}

std::string words_of(const Fields &fields) {
    std::string out;
    for (const Field &field : fields)
        if (*field.words)
            out += (out.empty() ? "" : " ") + std::string(field.words);
    return out;
}

Result<void> read_words(const CommandText &text, const Fields &fields,
                        const std::vector<std::string> &words) {
    const auto error = [&](const std::string &what) {
        return Error{std::string(text.name) + ": " + what,
                     std::string(text.name) + " " + words_of(fields), Blame::Usage};
    };
    std::string unread;
    for (std::size_t at = 0; at < words.size();) {
        std::size_t taken = 0;
        for (auto field = fields.begin(); field != fields.end() && taken == 0; ++field)
            taken = read_field(*field, words, at);
        for (const Field &one : fields)
            if (const Words may(one.words); taken == 0 && may.key == words[at] && may.any_value())
                return Error{std::string(text.name) + ": " + may.key + " needs the name of a " +
                                 noun_of(may.choices.front()),
                             {},
                             Blame::Usage};
        if (taken == 0 && unread.empty())
            unread = words[at];
        at += std::max<std::size_t>(taken, 1);
    }
    if (!unread.empty())
        return error(*text.misused ? text.misused : "'" + unread + "' is not understood");
    for (const Field &one : fields) {
        const Words may(one.words);
        const auto *const value = std::get_if<std::string *>(&one.value);
        if (value && (*value)->empty() && !may.optional && !may.key.empty())
            return error(*text.misused ? text.misused
                                       : "no " + noun_of(may.choices.front()) + " is named");
    }
    return {};
}

} // namespace l7
