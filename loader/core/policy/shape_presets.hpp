// SPDX-License-Identifier: GPL-2.0-or-later
// Trees of classes for the usual cases, as the text of a configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace l7 {

/// "home-gateway", "small-office", "isp-subscriber".
std::vector<std::string> preset_names();

/// The classes, and rules that fill them. Nothing for another name.
std::optional<std::string_view> preset_config(std::string_view name);

} // namespace l7
