// SPDX-License-Identifier: GPL-2.0-or-later
// Everything that can be recognised, and how.
#pragma once

#include "core/match/pattern.hpp"

#include <map>
#include <string>
#include <vector>

namespace l7 {

struct KnownProtocol {
    std::string name;
    std::string title;
    std::string spec;
    std::vector<std::string> groups;
    std::vector<std::string> by; ///< "dissector", "pattern", "l7-filter", "ip", in this order
    std::vector<std::string> l4; ///< "tcp", "udp", "sctp", or "ip"
    Quality quality = Quality::Great;
    std::vector<std::string> attributes; ///< of an l7-filter pattern, as its file has them
    std::vector<std::string> supersedes;
    std::string file; ///< of the pattern
};

/// By name; patterns and what is built in are one row where they know the same protocol.
std::map<std::string, KnownProtocol, std::less<>>
known_protocols(const std::vector<Pattern> &patterns);

} // namespace l7
