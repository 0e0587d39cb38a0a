// SPDX-License-Identifier: GPL-2.0-or-later
// What may be typed, as a table. The parser, completion, usage and the manual's synopses are made
// from it.
#pragma once

#include "control/requests.hpp"
#include "core/base/result.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace l7 {

/// Whether an argument must be there.
enum class Need {
    No,
    Said,   ///< its notation says that by itself, and its command complains
    Yes,    ///< the parser complains
    OneWord ///< the same, also of anything but exactly one of its words
};

/// An option, or an argument where its name has no dash.
struct Option {
    std::string names; ///< "-d,--delay"
    /// What it takes, in the notation of requests.hpp; in it capitals name kinds of values, of
    /// which completion knows some. Empty: nothing.
    std::string takes;
    std::string help;
    std::variant<bool *, double *, unsigned *, std::string *, std::vector<std::string> *,
                 std::function<std::string()>>
        to;                                       ///< where it goes; or what it prints
    std::function<void(CLI::Option &)> more = {}; ///< what the parser should know besides
    Need need = Need::No;
    bool repeats = false; ///< there may be several of these arguments

    bool is_argument() const { return names.front() != '-'; }
    std::vector<std::string> all_names() const;
};

struct Command {
    std::string path; ///< "attach", "shape apply"; empty: options that stand before any command
    std::string help;
    std::vector<Option> options = {};
    std::function<Result<void>()> run = {}; ///< none: one of those below it must follow
    bool hidden = false;

    std::string name() const { return path.substr(path.rfind(' ') + 1); }
    bool is_below(const std::string &other) const; ///< directly
};

/// First the options of all, then the commands, each behind the one it is below.
using Grammar = std::vector<Command>;

/// Makes the parser, which does not outlive the grammar. What is typed chooses `chosen`.
void make_parser(const Grammar &grammar, CLI::App &app, const Command *&chosen);

/// `l7ctl -j ... COMMAND`, and then each command that is not hidden, as the manual has them.
std::vector<std::string> synopses(const Grammar &grammar);

/// The commands below one, for hints: `sync status | commit [peer NODE] | ...`.
std::string usage_below(const Grammar &grammar, const std::string &path);

/// The words of a request's fields.
std::string words_of(const Fields &fields);

/// Reads the words that follow a request's command into its fields.
Result<void> read_words(const CommandText &text, const Fields &fields,
                        const std::vector<std::string> &words);

/// `ingress|egress` -> ingress, egress
std::vector<std::string> split(std::string_view text, char at);

/// Capitals.
bool is_kind(std::string_view word);

} // namespace l7
