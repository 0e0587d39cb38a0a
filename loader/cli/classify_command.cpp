// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include "capture/offline.hpp"
#include "core/report/flow_report.hpp"

#include <cstdio>
#include <fmt/format.h>

namespace fs = std::filesystem;

namespace l7 {

Result<void> classify_command(const GlobalOptions &global, const ClassifyOptions &options) {
    std::vector<fs::path> directories;
    if (!options.only_patterns.empty()) {
        directories.assign(options.only_patterns.begin(), options.only_patterns.end());
    } else {
        directories.assign(options.patterns.begin(), options.patterns.end());
        for (fs::path &one : default_pattern_directories())
            directories.push_back(std::move(one));
    }
    std::vector<std::string> rejected;
    auto knowledge = load_knowledge(directories, {}, rejected);
    if (!knowledge)
        return knowledge.error();
    for (const std::string &line : rejected)
        fmt::print(stderr, "l7ctl: pattern left out: {}\n", line);

    for (const std::string &file : options.files) {
        knowledge->remember(); // captures know nothing of each other
        Offline offline(*knowledge);
        const auto read = offline.read(file);
        offline.finish();
        for (const NativeFlow &flow : offline.path().flows()) {
            const FlowReport report = report_flow(flow.key, flow.flow, *knowledge);
            const std::string line = global.json ? to_json(report) + "\n" : to_text(report);
            std::fwrite(line.data(), 1, line.size(), stdout);
        }
        if (!read)
            return read.error();
    }
    return {};
}

} // namespace l7
