// SPDX-License-Identifier: GPL-2.0-or-later
// [[shape]] and [[class]] of the configuration file. For config.cpp alone: it brings toml++ along.
#pragma once

#include "core/policy/shape_config.hpp"

#include <functional>
#include <toml++/toml.h>

namespace l7 {

/// Told of each thing that is wrong, and where.
using ShapeComplaint = std::function<void(const toml::source_position &, const std::string &)>;

void read_shape(const toml::table &root, ShapeConfig &into, const ShapeComplaint &complain);

} // namespace l7
