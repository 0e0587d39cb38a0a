// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include "cli/completion.hpp"
#include "cli/version.hpp"
#include "net/netns.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <functional>

namespace l7 {

namespace {

// In the notation that completion reads; see completion.hpp.
constexpr const char *kDevice = "dev DEV";
constexpr const char *kAttach = "dev DEV [ingress|egress|both] [head|tail] [xdp]";
constexpr const char *kStats = "[dev DEV] [by protocol|application|class|rule]";
constexpr const char *kFilter =
    "protocol PROTOCOL|dev DEV|l4 L4|host ADDRESS|port PORT|reason REASON";
constexpr const char *kFlows =
    "protocol PROTOCOL|dev DEV|l4 L4|host ADDRESS|port PORT|reason REASON|export FILE|import FILE";

void print_error(const Error &error) {
    fmt::print(stderr, "l7ctl: {}\n", error.message);
    if (!error.hint.empty())
        fmt::print(stderr, "l7ctl: hint: {}\n", error.hint);
}

/// All commands with the options they read into. What is typed chooses `chosen`.
struct CommandLine {
    CLI::App app{"l7ctl: tells what protocol each connection is, and marks it", "l7ctl"};
    GlobalOptions global;
    ClassifyOptions classify;
    CheckOptions check;
    DaemonOptions daemon;
    DoctorOptions doctor;
    TopOptions top;
    ShapeOptions shape;
    std::vector<std::string> words;
    std::string word;
    std::function<Result<void>()> chosen;

    CommandLine() {
        app.set_version_flag("-V,--version", version_text,
                             "say what this is, and what it is made of");
        app.require_subcommand(1);
        app.fallthrough();
        app.add_flag("-j,--json", global.json, "print JSON, one object per line");
        app.add_option("-c,--config", global.config,
                       "configuration file (default /etc/l7ctl/l7ctl.toml)")
            ->type_name("FILE")
            ->envname("L7CTL_CONFIG");
        app.add_option("-n,--netns", global.netns,
                       "work in the network namespace of this name, which has a daemon of its own")
            ->type_name("NETNS");
        live_commands();
        file_commands();
        shape_commands();
        sync_commands();
    }

    CLI::App *command(const char *name, const char *what, std::function<Result<void>()> run,
                      CLI::App *below = nullptr) {
        CLI::App *out = (below ? below : &app)->add_subcommand(name, what);
        out->callback([this, run = std::move(run)] { chosen = run; });
        return out;
    }

    void live_commands() {
        command("attach", "put the programs on a device; starts the daemon",
                [this] { return attach_command(global, words); })
            ->add_option("words", words, "device, its hooks, and where on them")
            ->type_name(kAttach);
        command("detach", "take them off again", [this] { return detach_command(global, words); })
            ->add_option("words", words, "device")
            ->type_name(kDevice);
        command("status", "devices, counters, workers", [this] { return status_command(global); });
        command("flows", "live flows; or all of them, into a file and out of one",
                [this] { return flows_command(global, words); })
            ->add_option("filter", words, "all of these must hold")
            ->type_name(kFlows);
        command("explain", "how live flows got their verdicts",
                [this] { return explain_command(global, words); })
            ->add_option("filter", words, "all of these must hold")
            ->type_name(kFilter);
        command("stats", "packets, bytes and flows per device, direction and protocol",
                [this] { return stats_command(global, words); })
            ->add_option("words", words, "device, and by what")
            ->type_name(kStats);
        command("expect", "connections that others have announced",
                [this] { return expect_command(global); });
        command("reload", "patterns and rules, atomically",
                [this] { return reload_command(global); });
        command("metrics", "one scrape as Prometheus reads it",
                [this] { return metrics_command(global); });
        command("bypass", "let every packet pass unlooked at, or not",
                [this] { return bypass_command(global, word); })
            ->add_option("word", word, "on or off")
            ->type_name("on|off")
            ->required()
            ->check(CLI::IsMember({"on", "off"}));
        command("stop", "end the daemon; programs stay on their devices",
                [this] { return stop_command(global); });
        CLI::App *physician = command("doctor", "what is wrong here, and what to do about it",
                                      [this] { return doctor_command(global, doctor); });
        physician->add_option("words", doctor.words, "device")->type_name(kDevice);
        physician->add_option("-d,--delay", doctor.interval_s, "seconds to watch the traffic")
            ->type_name("SECONDS")
            ->check(CLI::Range(0.1, 60.0));
        CLI::App *view = command("top", "rates by protocol, application, class, host or flow",
                                 [this] { return top_command(global, top); });
        view->add_option("-d,--delay", top.interval_s, "seconds between two screens")
            ->type_name("SECONDS")
            ->check(CLI::Range(0.1, 3600.0));
        view->add_option("-b,--batch", top.count, "print so many screens as text and end")
            ->type_name("SCREENS");
        command("daemon", "run in the foreground", [this] {
            return daemon_command(global, daemon);
        })->add_flag("--discard-state", daemon.discard_state, "forget pinned flows and counters");
    }

    void shape_commands() {
        CLI::App *above =
            app.add_subcommand("shape", "trees of classes, on devices and their IFBs");
        above->require_subcommand(1);
        above->fallthrough();
        CLI::App *commands[] = {command(
                                    "apply", "make it as the configuration, or a preset, says",
                                    [this] { return shape_apply_command(global, shape); }, above),
                                command(
                                    "show",
                                    "trees, rates, what goes through each class, and tc's commands",
                                    [this] { return shape_show_command(global, shape); }, above),
                                command(
                                    "clear", "take off what l7ctl made",
                                    [this] { return shape_clear_command(global, shape); }, above)};
        for (CLI::App *one : commands)
            one->add_option("words", shape.words, "device")->type_name(kDevice);
        for (CLI::App *one : {commands[0], commands[1]}) {
            one->add_option("--preset", shape.preset,
                            "home-gateway, small-office or isp-subscriber, with no configuration")
                ->type_name("PRESET");
            one->add_option("--up", shape.up, "rate of the link out of the device, as 50mbit")
                ->type_name("RATE");
            one->add_option("--down", shape.down, "rate of the link into the device")
                ->type_name("RATE");
        }
        commands[0]->add_flag("--print", shape.print, "only print the preset's configuration");
    }

    void sync_commands() {
        CLI::App *above = app.add_subcommand("sync", "flows of other nodes, for takeover");
        above->require_subcommand(1);
        above->fallthrough();
        const auto add = [&](const char *name, const char *does) {
            return command(
                name, does, [this, name] { return sync_command(global, name, words, word); },
                above);
        };
        add("status", "what others have, and how far behind them we are");
        CLI::App *commit = add("commit", "enter in the flow table what others have");
        commit->add_option("words", words, "of whom; else of all")->type_name("peer NODE");
        commit->add_option("--peer", word, "the same")->type_name("NODE");
        add("flush", "forget what Redis has of us, or what we have of others")
            ->add_option("words", words, "which cache")
            ->type_name("internal|external")
            ->required();
        add("resync", "write all of ours anew, and read all of theirs");
    }

    void file_commands() {
        CLI::App *offline = command("classify", "classify the flows of capture files",
                                    [this] { return classify_command(global, classify); });
        offline->add_flag("--explain", classify.explain, "say how each verdict came about");
        offline->add_option("file", classify.files, "pcap or pcapng files")
            ->type_name("FILE")
            ->required();
        CLI::Option *add = offline
                               ->add_option("--patterns", classify.patterns,
                                            "directory of patterns that come first")
                               ->type_name("DIR")
                               ->allow_extra_args(false); // what follows the one is a FILE
        offline
            ->add_option("--only-patterns", classify.only_patterns,
                         "use nothing but this directory")
            ->type_name("DIR")
            ->excludes(add);
        offline
            ->add_option("--tunnels", classify.tunnels,
                         "tunnels whose inner flows are judged, with commas between")
            ->type_name("ipip|gre|gtp-u|vxlan")
            ->delimiter(',')
            ->expected(0, -1);
        CLI::App *checker = command("check", "check configuration and patterns",
                                    [this] { return check_command(global, check); });
        checker->add_option("file", check.file, "configuration file")->type_name("FILE");
        checker->add_option("--patterns", check.patterns, "directory of patterns")
            ->type_name("DIR")
            ->allow_extra_args(false);
        command("protocols", "what can be recognised",
                [this] { return protocols_command(global); });
        command("applications", "whose flows are known, by host name and otherwise",
                [this] { return applications_command(global); });
        command("completion", "completion for a shell", [this] { return print_completion(); })
            ->group("") // the package has its output where shells look for it
            ->add_option("shell", word, "bash or zsh")
            ->required()
            ->check(CLI::IsMember({"bash", "zsh"}));
    }

    Result<void> print_completion() const {
        fmt::print("{}", word == "zsh" ? zsh_completion(app) : bash_completion(app));
        return {};
    }
};

} // namespace

int run_cli(int argc, char **argv) {
    CommandLine line;

    try {
        line.app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        const int code = line.app.exit(error);
        return code == 0 ? 0 : static_cast<int>(Blame::Usage);
    }
    Result<void> outcome = {};
    if (!line.global.netns.empty())
        outcome = enter_netns(line.global.netns);
    if (outcome)
        outcome = line.chosen();
    if (outcome)
        return 0;
    print_error(outcome.error());
    return static_cast<int>(outcome.error().blame);
}

} // namespace l7
