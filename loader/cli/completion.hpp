// SPDX-License-Identifier: GPL-2.0-or-later
// Completion for shells, made from the same tables that the command line is parsed with.
#pragma once

#include "core/base/result.hpp"

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace l7 {

/// What "-c FILE" takes, or `attach` after its name, is said by the type names of options in
/// iproute2's notation: `dev DEV [ingress|egress|both]` is the word `dev` before the name of a
/// device, and three words that may follow. Capitals name kinds of values, of which completion
/// knows some.
std::string bash_completion(const CLI::App &app);
std::string zsh_completion(const CLI::App &app);

} // namespace l7
