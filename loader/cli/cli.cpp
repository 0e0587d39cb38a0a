// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include "cli/completion.hpp"
#include "cli/grammar.hpp"
#include "cli/version.hpp"
#include "net/netns.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

namespace l7 {

namespace {

constexpr const char *kDevice = "dev DEV";

void print_error(const Error &error) {
    fmt::print(stderr, "l7ctl: {}\n", error.message);
    if (!error.hint.empty())
        fmt::print(stderr, "l7ctl: hint: {}\n", error.hint);
}

/// What the parser of a range, or of one value where it would take several, is told.
auto range(double from, double to) {
    return [=](CLI::Option &option) { option.check(CLI::Range(from, to)); };
}

void one_value(CLI::Option &option) {
    option.allow_extra_args(false);
}

/// All commands, with the options they read into.
struct CommandLine {
    GlobalOptions global;
    ClassifyOptions classify;
    CheckOptions check;
    DaemonOptions daemon;
    DoctorOptions doctor;
    TopOptions top;
    ShapeOptions shape;
    std::vector<std::string> words;
    std::string word;
    Grammar grammar;

    CommandLine() {
        grammar.push_back(
            {"",
             "l7ctl: tells what protocol each connection is, and marks it",
             {{"-V,--version", "", "say what this is, and what it is made of", version_text},
              {"-j,--json", "", "print JSON, one object per line", &global.json},
              {"-c,--config", "FILE", "configuration file (default /etc/l7ctl/l7ctl.toml)",
               &global.config, [](CLI::Option &it) { it.envname("L7CTL_CONFIG"); }},
              {"-n,--netns", "NETNS",
               "work in the network namespace of this name, which has a daemon of its own",
               &global.netns}}});
        requests(static_cast<const request::All *>(nullptr));
        watching_commands();
        file_commands();
        shape_commands();
        sync_commands();
    }
    CommandLine(const CommandLine &) = delete; // the grammar points into it

    template <class... Requests>
    void requests(const std::tuple<Requests...> *) {
        (add_request<Requests>(), ...);
    }

    template <class Request>
    void add_request() {
        constexpr CommandText kText = Request::kText;
        if (!*kText.help)
            return;
        Command out{kText.name, kText.help};
        const Fields fields = Request().fields();
        Option argument{kText.words, words_of(fields), kText.words_help, &words};
        argument.repeats =
            !fields.empty() && std::holds_alternative<std::vector<std::string> *>(fields[0].value);
        argument.need = argument.repeats ? Need::No : Need::Said;
        if (kText.checked) {
            argument.to = &word;
            argument.need = Need::OneWord;
        }
        if (!fields.empty())
            out.options.push_back(std::move(argument));
        out.run = [this]() -> Result<void> {
            Request request;
            if (Request::kText.checked)
                words = {word};
            if (auto read = read_words(Request::kText, request.fields(), words); !read)
                return read;
            return perform(global, request);
        };
        grammar.push_back(std::move(out));
    }

    void watching_commands() {
        grammar.push_back({"doctor",
                           "what is wrong here, and what to do about it",
                           {{"words", kDevice, "device", &doctor.words},
                            {"-d,--delay", "SECONDS", "seconds to watch the traffic",
                             &doctor.interval_s, range(0.1, 60.0)}},
                           [this] { return doctor_command(global, doctor); }});
        grammar.push_back(
            {"top",
             "rates by protocol, application, class, host or flow",
             {{"-d,--delay", "SECONDS", "seconds between two screens", &top.interval_s,
               range(0.1, 3600.0)},
              {"-b,--batch", "SCREENS", "print so many screens as text and end", &top.count}},
             [this] { return top_command(global, top); }});
        grammar.push_back(
            {"daemon",
             "run in the foreground",
             {{"--discard-state", "", "forget pinned flows and counters", &daemon.discard_state}},
             [this] { return daemon_command(global, daemon); }});
    }

    void file_commands() {
        grammar.push_back(
            {"classify",
             "classify the flows of capture files",
             {{"--explain", "", "say how each verdict came about", &classify.explain},
              {"file", "FILE", "pcap or pcapng files", &classify.files, {}, Need::Yes, true},
              {"--patterns", "DIR", "directory of patterns that come first", &classify.patterns,
               one_value}, // what follows the one is a FILE
              {"--only-patterns", "DIR", "use nothing but this directory", &classify.only_patterns,
               [](CLI::Option &it) { it.excludes("--patterns"); }},
              {"--tunnels", "ipip|gre|gtp-u|vxlan",
               "tunnels whose inner flows are judged, with commas between", &classify.tunnels,
               [](CLI::Option &it) { it.delimiter(',')->expected(0, -1); }}},
             [this] { return classify_command(global, classify); }});
        grammar.push_back(
            {"check",
             "check configuration and patterns",
             {{"file", "FILE", "configuration file", &check.file},
              {"--patterns", "DIR", "directory of patterns", &check.patterns, one_value}},
             [this] { return check_command(global, check); }});
        grammar.push_back({"protocols", "what can be recognised", {}, [this] {
                               return protocols_command(global);
                           }});
        grammar.push_back(
            {"applications", "whose flows are known, by host name and otherwise", {}, [this] {
                 return applications_command(global);
             }});
        // Hidden, as the package has its output where shells look for it.
        grammar.push_back({"completion",
                           "completion for a shell",
                           {{"shell", "", "bash or zsh", &word,
                             [](CLI::Option &it) {
                                 it.check(CLI::IsMember({"bash", "zsh"}));
                             },
                             Need::Yes}},
                           [this] { return print_completion(); },
                           true});
    }

    void shape_commands() {
        const Option device{"words", kDevice, "device", &shape.words};
        const std::vector<Option> preset{
            device,
            {"--preset", "PRESET",
             "home-gateway, small-office or isp-subscriber, with no configuration", &shape.preset},
            {"--up", "RATE", "rate of the link out of the device, as 50mbit", &shape.up},
            {"--down", "RATE", "rate of the link into the device", &shape.down}};
        std::vector<Option> print = preset;
        print.push_back({"--print", "", "only print the preset's configuration", &shape.print});
        grammar.push_back({"shape", "trees of classes, on devices and their IFBs"});
        grammar.push_back({"shape apply", "make it as the configuration, or a preset, says", print,
                           [this] { return shape_apply_command(global, shape); }});
        grammar.push_back({"shape show",
                           "trees, rates, what goes through each class, and tc's commands", preset,
                           [this] { return shape_show_command(global, shape); }});
        grammar.push_back({"shape clear", "take off what l7ctl made", {device}, [this] {
                               return shape_clear_command(global, shape);
                           }});
    }

    void sync_commands() {
        const auto add = [this](const std::string &name, const char *help,
                                std::vector<Option> options = {}) {
            grammar.push_back({"sync " + name, help, std::move(options), [this, name] {
                                   return sync_command(global, name, words, word,
                                                       usage_below(grammar, "sync"));
                               }});
        };
        grammar.push_back({"sync", "flows of other nodes, for takeover"});
        add("status", "what others have, and how far behind them we are");
        add("commit", "enter in the flow table what others have",
            {{"words", "peer NODE", "of whom; else of all", &words},
             {"--peer", "NODE", "the same", &word}});
        add("flush", "forget what Redis has of us, or what we have of others",
            {{"words", "internal|external", "which cache", &words, {}, Need::Yes}});
        add("resync", "write all of ours anew, and read all of theirs");
    }

    Result<void> print_completion() const {
        fmt::print("{}", word == "zsh" ? zsh_completion(grammar) : bash_completion(grammar));
        return {};
    }
};

} // namespace

std::vector<std::string> manual_synopses() {
    return synopses(CommandLine().grammar);
}

int run_cli(int argc, char **argv) {
    CommandLine line;
    CLI::App app{line.grammar.front().help, "l7ctl"};
    const Command *chosen = nullptr;

    make_parser(line.grammar, app, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        const int code = app.exit(error);
        return code == 0 ? 0 : static_cast<int>(Blame::Usage);
    }
    Result<void> outcome = {};
    if (!line.global.netns.empty())
        outcome = enter_netns(line.global.netns);
    if (outcome)
        outcome = chosen->run();
    if (outcome)
        return 0;
    print_error(outcome.error());
    return static_cast<int>(outcome.error().blame);
}

} // namespace l7
