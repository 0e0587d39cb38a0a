// SPDX-License-Identifier: GPL-2.0-or-later
// Henry Spencer's V8 expressions by plain backtracking, for comparison: slow, small, and sharing
// nothing with the loader's own reading of them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace l7::test {

class V8Reference {
  public:
    /// Nothing where the original engine would refuse the expression.
    static std::optional<V8Reference> compile(std::string_view expression);

    /// Whether the expression is anywhere in `data`, which has no NUL and is lower-cased here;
    /// nothing where that takes too long to tell.
    std::optional<bool> matches(std::string_view data) const;

    struct Node;

  private:
    std::shared_ptr<const Node> top_;
};

} // namespace l7::test
