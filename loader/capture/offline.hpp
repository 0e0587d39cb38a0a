// SPDX-License-Identifier: GPL-2.0-or-later
// Capture file in, flows with their verdicts out: the native path and a classifier together.
#pragma once

#include "capture/native_path.hpp"
#include "core/base/result.hpp"
#include "core/flow/classifier.hpp"

#include <memory>
#include <string>

namespace l7 {

class Offline {
  public:
    explicit Offline(Knowledge knowledge, NativeLimits limits = {});

    /// Feeds all packets of the file. What was read before a damaged place counts.
    Result<void> read(const std::string &path);

    /// One packet; see NativePath::packet.
    void packet(const std::uint8_t *data, std::size_t size, std::uint32_t wire_size,
                std::uint64_t time_ns, bool l3);

    /// Judges what is left; call once, at the end.
    void finish();

    const NativePath &path() const { return path_; }
    const Classifier &classifier() const { return classifier_; }

  private:
    void apply_swept();

    Classifier classifier_;
    NativePath path_;
    std::vector<l7_verdict> swept_;
    std::uint64_t now_ns_ = 0;
    std::uint64_t next_sweep_ns_ = 0;
};

} // namespace l7
