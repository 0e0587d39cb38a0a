// SPDX-License-Identifier: GPL-2.0-or-later
// Reads what `l7ctl doctor` judges: from the kernel, and from the daemon where one answers.
#pragma once

#include "cli/cli.hpp"
#include "core/report/findings.hpp"

namespace l7 {

/// Watches for `interval_s`. What cannot be read is noted in the facts, not an error; an error is a
/// configuration that cannot be read while no daemon has one in force.
Result<DoctorFacts> gather_facts(const Instance &instance, const std::string &only_dev,
                                 double interval_s);

} // namespace l7
