// SPDX-License-Identifier: GPL-2.0-or-later
// The command line: one function per command, which reports to main what became of it.
#pragma once

#include "core/base/result.hpp"
#include "daemon/options.hpp"
#include "daemon/server.hpp"

#include <nlohmann/json_fwd.hpp>
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

// Commands a daemon carries out. Words are the command line's after the command's name.
Result<void> attach_command(const GlobalOptions &global, const std::vector<std::string> &words);
Result<void> detach_command(const GlobalOptions &global, const std::vector<std::string> &words);
Result<void> status_command(const GlobalOptions &global);
/// Asks the daemon, and prints the lines of its answer.
Result<void> ask(const GlobalOptions &global, nlohmann::json request,
                 const Transfer &transfer = {});
Result<void> flows_command(const GlobalOptions &global, const std::vector<std::string> &words);
Result<void> export_command(const GlobalOptions &global, const std::string &file);
Result<void> import_command(const GlobalOptions &global, const std::string &file);
Result<void> explain_command(const GlobalOptions &global, const std::vector<std::string> &words);
Result<void> stats_command(const GlobalOptions &global, const std::vector<std::string> &words);
Result<void> expect_command(const GlobalOptions &global);
Result<void> reload_command(const GlobalOptions &global);
Result<void> metrics_command(const GlobalOptions &global);
Result<void> bypass_command(const GlobalOptions &global, const std::string &word);
Result<void> stop_command(const GlobalOptions &global);
/// what: "status", "commit", "flush" or "resync". words: those after it.
Result<void> sync_command(const GlobalOptions &global, const std::string &what,
                          const std::vector<std::string> &words, const std::string &peer = {});
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
