// SPDX-License-Identifier: GPL-2.0-or-later
// [sync] of the configuration file. For config.cpp alone: it brings toml++ along.
#pragma once

#include "core/policy/sync_config.hpp"
#include "core/policy/toml_reader.hpp"

namespace l7 {

/// Complaints go to `reader`.
void read_sync(TomlReader &reader, const toml::table &table, SyncConfig &into);

} // namespace l7
