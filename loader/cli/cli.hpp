// SPDX-License-Identifier: GPL-2.0-or-later
// The command line: one function per command, which reports to main what became of it.
#pragma once

#include "control/instance.hpp"
#include "control/server.hpp"
#include "core/base/result.hpp"

#include <string>
#include <vector>

namespace l7 {

/// Options that stand before any command.
struct GlobalOptions {
    bool json = false;
    std::string config;
    std::string netns;

    Instance instance() const { return make_instance(netns, config); }
};

/// Runs `l7ctl argv...`; returns the exit code. Prints results to stdout, errors to stderr.
int run_cli(int argc, char **argv);

/// How the manual has `l7ctl` itself, and then each command.
std::vector<std::string> manual_synopses();

struct ClassifyOptions {
    std::vector<std::string> files;
    std::vector<std::string> patterns;
    std::vector<std::string> only_patterns;
    std::vector<std::string> tunnels = {"ipip"};
    bool explain = false;
};
Result<void> classify_command(const GlobalOptions &global, const ClassifyOptions &options);

struct CheckOptions {
    std::string file;
    std::vector<std::string> patterns;
};
Result<void> check_command(const GlobalOptions &global, const CheckOptions &options);
Result<void> protocols_command(const GlobalOptions &global);
Result<void> applications_command(const GlobalOptions &global);

struct ShapeOptions {
    std::vector<std::string> words; ///< dev DEV
    std::string preset;
    std::string up;
    std::string down;
    bool print = false;
};
Result<void> shape_apply_command(const GlobalOptions &global, const ShapeOptions &options);
Result<void> shape_show_command(const GlobalOptions &global, const ShapeOptions &options);
Result<void> shape_clear_command(const GlobalOptions &global, const ShapeOptions &options);

struct DaemonOptions {
    bool discard_state = false;
};
Result<void> daemon_command(const GlobalOptions &global, const DaemonOptions &options);

/// Asks the daemon, and prints the lines of its answer.
Result<void> ask(const GlobalOptions &global, const CommandText &text, const Fields &fields,
                 AskOptions options = {});

/// Carries out a command that is a request; some do more than to ask.
template <class Request>
Result<void> perform(const GlobalOptions &global, Request request) {
    return ask(global, Request::kText, request.fields());
}
Result<void> perform(const GlobalOptions &global, request::Attach request);
Result<void> perform(const GlobalOptions &global, request::Flows request);
Result<void> export_command(const GlobalOptions &global, const std::string &file);
Result<void> import_command(const GlobalOptions &global, const std::string &file);
/// what: "status", "commit", "flush" or "resync". words: those after it.
Result<void> sync_command(const GlobalOptions &global, const std::string &what,
                          const std::vector<std::string> &words, const std::string &peer,
                          const std::string &usage);
struct DoctorOptions {
    std::vector<std::string> words;
    double interval_s = 1; ///< for which it watches
};
Result<void> doctor_command(const GlobalOptions &global, const DoctorOptions &options);
struct TopOptions {
    double interval_s = 1;
    unsigned count = 0; ///< screens; 0: until interrupted
};
Result<void> top_command(const GlobalOptions &global, const TopOptions &options);

} // namespace l7
