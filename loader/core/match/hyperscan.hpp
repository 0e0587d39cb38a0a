// SPDX-License-Identifier: GPL-2.0-or-later
// Expressions on their way into Hyperscan databases.
#pragma once

#include "core/base/result.hpp"

#include <memory>
#include <string>
#include <vector>

struct hs_database;

namespace l7 {

class CompileCache;

struct HyperscanFree {
    void operator()(hs_database *database) const;
};
using HyperscanDatabase = std::unique_ptr<hs_database, HyperscanFree>;

struct ExpressionInfo {
    unsigned width = 0;     ///< bytes that a match needs at least
    bool prefilter = false; ///< Hyperscan can only say where a match may be
};

/// What Hyperscan makes of the expression, or what it says against it.
Result<ExpressionInfo> examine(const std::string &expression);

/// An expression that was taken for good and turned out too large when it was compiled.
struct RefusedExpression {
    unsigned id;
    std::string why;
};

class ExpressionBatch {
  public:
    /// The text must outlive the batch; `id` is what a match reports.
    void add(const std::string &expression, unsigned id, bool prefilter = false);
    bool empty() const { return expressions_.empty(); }

    /// One database of all expressions; none for an empty batch. Refused ones are left out, here as
    /// in the batch.
    Result<std::vector<HyperscanDatabase>>
    compile_together(const CompileCache &cache, std::vector<RefusedExpression> &refused);

    /// A database for each expression, in the order of add(); null for a refused one.
    Result<std::vector<HyperscanDatabase>>
    compile_each(const CompileCache &cache, std::vector<RefusedExpression> &refused) const;

  private:
    std::string source(const char *how) const;

    std::vector<const char *> expressions_;
    std::vector<unsigned> ids_;
    std::vector<unsigned> flags_;
};

} // namespace l7
