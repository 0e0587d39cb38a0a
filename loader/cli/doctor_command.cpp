// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include "cli/doctor_facts.hpp"
#include "core/report/findings.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace l7 {

Result<void> doctor_command(const GlobalOptions &global, const DoctorOptions &options) {
    std::string dev;
    if (options.words.size() == 2 && options.words.front() == "dev")
        dev = options.words.back();
    else if (!options.words.empty())
        return Error{"doctor: '" + options.words.front() + "' is not understood",
                     "doctor [dev DEV]", Blame::Usage};
    const auto facts = gather_facts(global.instance(), dev, options.interval_s);
    if (!facts)
        return facts.error();
    const std::vector<Finding> findings = diagnose(*facts);
    for (const Finding &one : findings)
        fmt::print("{}", global.json ? to_json(one) + "\n" : to_text(one));
    const auto problems = std::ranges::count(findings, Severity::Problem, &Finding::severity);
    if (problems == 0)
        return {};
    return Error{fmt::format("{} problem{} found", problems, problems == 1 ? "" : "s")};
}

} // namespace l7
