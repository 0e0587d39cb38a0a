// SPDX-License-Identifier: GPL-2.0-or-later
// Compiled Hyperscan databases kept in files, as compiling takes seconds and reading them back
// milliseconds.
#pragma once

#include "core/match/hyperscan.hpp"

#include <filesystem>
#include <string_view>
#include <vector>

namespace l7 {

/// One of the two is there.
struct CompiledDatabase {
    HyperscanDatabase database = {};
    std::string refusal = {};
};

/// Files named by a digest of what they were compiled from, the library's version and the
/// processor's features; Hyperscan itself checks length, checksum and platform of what is read
/// back. Only files in a directory that belongs to us and that nobody else can write to are
/// believed. Trouble of any kind only means compiling again.
class CompileCache {
  public:
    /// L7CTL_CACHE; else /var/cache/l7ctl for root and ~/.cache/l7ctl for others. Empty
    /// L7CTL_CACHE: no cache.
    static CompileCache standard();
    explicit CompileCache(std::filesystem::path directory);

    /// What became of the expressions of `source`, or nothing.
    std::vector<CompiledDatabase> load(std::string_view source) const;

    /// Keeps it, if that can be done.
    void store(std::string_view source, const std::vector<CompiledDatabase> &databases) const;

  private:
    std::filesystem::path file_of(std::string_view source) const;

    std::filesystem::path directory_; // empty: no cache
};

} // namespace l7
