// SPDX-License-Identifier: GPL-2.0-or-later
// Expressions that Hyperscan refuses, for PCRE2 behind what Hyperscan can tell beforehand.
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

#include <memory>
#include <string>

struct pcre2_real_code_8;

namespace l7 {

struct PcreFree {
    void operator()(pcre2_real_code_8 *code) const;
};

/// Immutable; threads may share it.
class Pcre {
  public:
    /// Over bytes, `.` for every one of them. An error is PCRE2's, with its column from 1.
    static Result<Pcre> compile(const std::string &expression);

    /// Whether the expression is anywhere in `data`. An attempt that takes too long is no match.
    bool matches(Bytes data) const;

  private:
    explicit Pcre(pcre2_real_code_8 *code) : code_(code) {}
    std::unique_ptr<pcre2_real_code_8, PcreFree> code_;
};

} // namespace l7
