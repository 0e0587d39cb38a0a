// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <mutex>
#include <string>
#include <vector>

namespace l7 {

/// The last few things that happened, for status; the log has all of them. Thread-safe.
class Notes {
  public:
    void add(std::string line);
    std::vector<std::string> list() const;

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_; // guarded by mutex_
};

} // namespace l7
