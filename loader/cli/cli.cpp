// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

namespace l7 {

namespace {

void print_error(const Error &error)
{
    fmt::print(stderr, "l7ctl: {}\n", error.message);
    if (!error.hint.empty())
        fmt::print(stderr, "l7ctl: hint: {}\n", error.hint);
}

} // namespace

int run_cli(int argc, char **argv)
{
    CLI::App app{"l7ctl: tells what protocol each connection is, and marks it", "l7ctl"};
    GlobalOptions global;
    ClassifyOptions classify;
    Result<void> outcome;

    app.set_version_flag("-V,--version", "l7ctl " L7_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    app.add_flag("-j,--json", global.json, "print JSON, one object per line");
    app.add_option("-c,--config", global.config, "configuration file")->envname("L7CTL_CONFIG");
    app.add_option("-n,--netns", global.netns, "work in this network namespace");

    CLI::App *command = app.add_subcommand("classify", "classify the flows of capture files");
    command->add_option("file", classify.files, "pcap or pcapng files")->required();
    auto *add = command->add_option("--patterns", classify.patterns, "directory of patterns that come first");
    command->add_option("--only-patterns", classify.only_patterns, "use nothing but this directory")
        ->excludes(add);
    command->callback([&] { outcome = classify_command(global, classify); });

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        const int code = app.exit(error);
        return code == 0 ? 0 : static_cast<int>(Blame::Usage);
    }
    if (!outcome) {
        print_error(outcome.error());
        return static_cast<int>(outcome.error().blame);
    }
    return 0;
}

} // namespace l7
