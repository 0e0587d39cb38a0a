// SPDX-License-Identifier: GPL-2.0-or-later
// Commands that only read files.
#include "cli/cli.hpp"

#include "core/dissect/ip_protocol.hpp"
#include "daemon/catalog.hpp"

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
    auto library = load_patterns(directories);
    if (!library)
        return library.error();
    Protocols protocols;
    add_ip_protocols(protocols);
    std::vector<std::string> rejected = std::move(library->rejected), warnings;
    const auto database = Database::compile(*library, protocols, rejected);
    if (!database)
        return database.error();
    decide_outcomes(config->rules, (*database)->patterns(), protocols, warnings);

    for (const std::string &line : rejected)
        fmt::print("{}\n", line);
    for (const std::string &line : warnings)
        fmt::print("{} {}\n", file, line);
    fmt::print("{} patterns, {} rejected\n", (*database)->usable_patterns(), rejected.size());
    if (!rejected.empty())
        return Error{fmt::format("{} of the patterns cannot be used", rejected.size())};
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
    std::ranges::sort(library->patterns, {}, &Pattern::name);
    if (!global.json)
        fmt::print("{:<16} {:<9} {:<9} {:<24} {}\n", "protocol", "quality", "form", "groups",
                   "title");
    for (const Pattern &pattern : library->patterns) {
        const char *form = pattern.form == Pattern::Form::Native ? "native" : "l7-filter";
        if (global.json)
            fmt::print("{}\n", nlohmann::ordered_json{{"protocol", pattern.name},
                                                      {"quality", to_string(pattern.quality)},
                                                      {"form", form},
                                                      {"groups", pattern.groups},
                                                      {"title", pattern.title},
                                                      {"spec", pattern.spec},
                                                      {"file", pattern.file}}
                                   .dump());
        else
            fmt::print("{:<16} {:<9} {:<9} {:<24} {}\n", pattern.name, to_string(pattern.quality),
                       form, fmt::join(pattern.groups, ","), pattern.title);
    }
    return {};
}

} // namespace l7
