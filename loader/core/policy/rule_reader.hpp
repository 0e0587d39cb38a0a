// SPDX-License-Identifier: GPL-2.0-or-later
// [[rule]] of the configuration file. For config.cpp alone: it brings toml++ along.
#pragma once

#include "core/policy/config.hpp"
#include "core/policy/toml_reader.hpp"

namespace l7 {

/// Adds one rule to `into`, whose mark mask and classes are known; complaints go to `reader`.
void read_rule(TomlReader &reader, const toml::table &table, Config &into);

} // namespace l7
