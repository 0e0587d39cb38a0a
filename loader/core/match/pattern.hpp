// SPDX-License-Identifier: GPL-2.0-or-later
// What a pattern file says, before anything is compiled.
#pragma once

#include "core/base/transport.hpp"
#include "core/match/condition.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

/// How much a match can be trusted, best first; docs/l7-pattern.5.md says what each promises.
enum class Quality : std::uint8_t { Great, Good, Ok, Marginal, Poor };

const char *to_string(Quality quality);
std::optional<Quality> quality_from(std::string_view word);

/// Where a pattern stands among others that match: user's patterns come before ours unless they say
/// that they come after.
enum class PatternOrder : std::uint8_t { Before, Ours, After };

std::optional<PatternOrder> order_from(std::string_view word);

/// One expression on one direction.
struct PatternPart {
    std::string expression; ///< Hyperscan syntax
    Condition where;
    unsigned times = 1; ///< datagrams that must meet it
    unsigned line = 0;
};

/// Sufficient evidence: all the parts that are there must be met.
struct PatternMatch {
    std::uint8_t transports = 0; ///< bit 1 << Transport
    Quality quality = Quality::Great;
    bool midstream = false;
    std::optional<PatternPart> client;
    std::optional<PatternPart> server;
    std::optional<PatternPart> either;
};

struct Pattern {
    enum class Form { Native, L7Filter };

    std::string name;
    std::string title;
    std::string spec;
    std::vector<std::string> groups;
    std::vector<std::uint16_t> ports; ///< tie-breakers, host order
    Quality quality = Quality::Good;
    PatternOrder order = PatternOrder::Before;
    std::vector<std::string> supersedes; ///< protocols that a match makes into this one
    std::vector<std::string> attributes; ///< l7-filter's words: quality, speeds, relation
    std::vector<PatternMatch> matches;   ///< native form; none: the file only describes
    std::string expression;              ///< l7-filter form: already in Hyperscan syntax
    unsigned line = 0;                   ///< of the expression
    Form form = Form::Native;
    std::string file;
};

} // namespace l7
