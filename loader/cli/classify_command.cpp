// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include "capture/offline.hpp"
#include "core/policy/config.hpp"
#include "core/report/explanation.hpp"
#include "core/report/flow_report.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <limits>
#include <map>

namespace fs = std::filesystem;

namespace l7 {

namespace {

struct ByFlow {
    using Id = std::pair<l7_key, std::uint32_t>;
    bool operator()(const Id &a, const Id &b) const {
        const int keys = std::memcmp(&a.first, &b.first, sizeof(l7_key));
        return keys != 0 ? keys < 0 : a.second < b.second;
    }
};
using Explanations = std::map<ByFlow::Id, Explanation, ByFlow>;

} // namespace

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

    NativeLimits limits;
    limits.tunnels = 0;
    for (const std::string &name : options.tunnels) {
        const auto bit = tunnel_bit(name);
        if (!bit && !name.empty())
            return Error{"no tunnel is called '" + name + "'", "ipip, gre, gtp-u, vxlan",
                         Blame::Usage};
        limits.tunnels |= bit.value_or(0);
    }

    for (const std::string &file : options.files) {
        knowledge->only_patterns = !options.only_patterns.empty();
        if (!knowledge->only_patterns)
            knowledge->remember(); // captures know nothing of each other
        if (options.explain)
            knowledge->journal = std::make_shared<Journal>(std::numeric_limits<std::size_t>::max());
        Offline offline(*knowledge, limits);
        const auto read = offline.read(file);
        offline.finish();
        Explanations explanations;
        if (knowledge->journal)
            knowledge->journal->each([&](const Explanation &one) {
                explanations.insert_or_assign({one.verdict.key, one.verdict.born}, one);
            });
        for (const NativeFlow &flow : offline.path().flows()) {
            const FlowReport report = report_flow(flow.key, flow.flow, *knowledge);
            const auto known = explanations.find({flow.key, flow.flow.born});
            const Explanation *why = known == explanations.end() ? nullptr : &known->second;
            const std::string line =
                options.explain
                    ? (global.json ? explain_json(report, why) + "\n" : explain_text(report, why))
                : global.json ? to_json(report) + "\n"
                              : to_text(report);
            std::fwrite(line.data(), 1, line.size(), stdout);
        }
        if (!read)
            return read.error();
    }
    return {};
}

} // namespace l7
