// SPDX-License-Identifier: GPL-2.0-or-later
// Flows as a file, by hand from one machine to another.
//
// Bytes: magic (8), version (4), number of flows (8) and bytes that they take (8), numbers little
// end first; each flow's key and record as in record.hpp, each behind its length (varint); last the
// SHA-256 of all that is before it. A file is good as a whole, or refused.
#pragma once

#include "core/base/result.hpp"
#include "core/flow/flow_state.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace l7 {

inline constexpr std::uint32_t kFlowFileVersion = 1;
inline constexpr std::size_t kFlowFileMax = std::size_t{1} << 30; ///< bytes; ten million flows

/// Puts a file together.
class FlowFile {
  public:
    /// at_ms: the wall clock's. False: there is no room for it.
    bool add(const FlowState &state, std::uint64_t at_ms);

    /// The file; afterwards there is nothing in it.
    std::string take();

  private:
    std::string flows_;
    std::uint64_t count_ = 0;
};

/// Within the file's bytes.
struct FlowFileEntry {
    std::string_view key;
    std::string_view record; ///< decode_flow takes both
};

Result<std::vector<FlowFileEntry>> parse_flow_file(std::string_view file);

} // namespace l7
