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

/// The bytes a match of the expression needs at least, or what Hyperscan says against it.
Result<unsigned> minimum_width(const std::string &expression);

class ExpressionBatch {
  public:
    /// The text must outlive the batch; `id` is what a match reports.
    void add(const std::string &expression, unsigned id);
    bool empty() const { return expressions_.empty(); }

    /// One database of all expressions; none for an empty batch.
    Result<std::vector<HyperscanDatabase>> compile_together(const CompileCache &cache) const;

    /// A database for each expression, in the order of add().
    Result<std::vector<HyperscanDatabase>> compile_each(const CompileCache &cache) const;

  private:
    std::string source(const char *how) const;

    std::vector<const char *> expressions_;
    std::vector<unsigned> ids_;
};

} // namespace l7
