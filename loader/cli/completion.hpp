// SPDX-License-Identifier: GPL-2.0-or-later
// Completion for shells, made from the same table that the command line is parsed with.
#pragma once

#include "cli/grammar.hpp"

#include <string>

namespace l7 {

std::string bash_completion(const Grammar &grammar);
std::string zsh_completion(const Grammar &grammar);

} // namespace l7
