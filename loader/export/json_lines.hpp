// SPDX-License-Identifier: GPL-2.0-or-later
// A file of JSON lines. Whatever happens to the disk, what is in the file is whole lines.
#pragma once

#include "core/base/fd.hpp"
#include "core/base/result.hpp"

#include <cstddef>
#include <string>

namespace l7 {

class JsonLines {
  public:
    explicit JsonLines(std::string path) : path_(std::move(path)) {}

    /// Collects a line without its newline.
    void add(const std::string &line);

    /// Writes what was collected; what does not fit is given up. `written` grows by the lines that
    /// are in the file, `lost` by the others.
    Result<void> flush(std::uint64_t &written, std::uint64_t &lost);

    /// The file is opened anew for the next line: somebody moved it.
    void reopen() { file_.reset(); }

  private:
    Result<void> open();

    std::string path_;
    std::string text_;
    std::size_t lines_ = 0;
    Fd file_;
};

} // namespace l7
