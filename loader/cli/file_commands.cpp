// SPDX-License-Identifier: GPL-2.0-or-later
// Commands that only read files.
#include "cli/cli.hpp"

#include "core/flow/knowledge.hpp"
#include "core/policy/rule_checks.hpp"
#include "core/report/protocol_list.hpp"
#include "daemon/parts/catalog.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace fs = std::filesystem;

namespace l7 {

Result<void> check_command(const GlobalOptions &global, const CheckOptions &options) {
    const Instance instance = global.instance();
    const std::string file = options.file.empty() ? instance.config : options.file;
    const auto config = load_config(file, !options.file.empty() || instance.config_named);
    if (!config)
        return config.error();

    std::vector<fs::path> directories(options.patterns.begin(), options.patterns.end());
    if (directories.empty())
        directories = pattern_directories(*config);
    std::vector<std::string> rejected;
    const auto knowledge = load_knowledge(directories, {}, rejected);
    if (!knowledge)
        return knowledge.error();
    const Database &database = *knowledge->database;

    for (const std::string &line : rejected)
        fmt::print("{}\n", line);
    for (const std::string &line : check_rules(*config, *knowledge))
        fmt::print("{} {}\n", file, line);
    fmt::print("{} patterns, {} rejected\n", database.usable_patterns(), rejected.size());
    if (!rejected.empty())
        return Error{fmt::format("{} of the patterns cannot be used", rejected.size())};
    return {};
}

Result<void> applications_command(const GlobalOptions &global) {
    const Instance instance = global.instance();
    const auto config = load_config(instance.config, instance.config_named);
    if (!config)
        return config.error();
    NameNumbers numbers(1, L7_APPLICATIONS_MAX);
    Applications applications;
    std::vector<std::string> rejected;
    applications.load(pattern_directories(*config), numbers, rejected);
    for (const std::string &line : rejected)
        fmt::print(stderr, "l7ctl: left out: {}\n", line);
    if (!global.json)
        fmt::print("{:<24} {:<20} {:>7} {}\n", "application", "groups", "domains", "title");
    for (const Application &one : applications.all())
        if (global.json)
            fmt::print("{}\n", nlohmann::ordered_json{{"application", one.name},
                                                      {"groups", one.groups},
                                                      {"domains", one.domains},
                                                      {"title", one.title},
                                                      {"file", one.file}}
                                   .dump());
        else
            fmt::print("{:<24} {:<20} {:>7} {}\n", one.name,
                       fmt::format("{}", fmt::join(one.groups, ",")), one.domains, one.title);
    return {};
}

Result<void> protocols_command(const GlobalOptions &global) {
    const Instance instance = global.instance();
    const auto config = load_config(instance.config, instance.config_named);
    if (!config)
        return config.error();
    auto library = load_patterns(pattern_directories(*config));
    if (!library)
        return library.error();
    if (!global.json)
        fmt::print("{}\n", protocol_list_head());
    for (const auto &[name, protocol] : known_protocols(library->patterns))
        fmt::print("{}\n", global.json ? to_json(protocol) : to_text(protocol));
    return {};
}

} // namespace l7
