// SPDX-License-Identifier: GPL-2.0-or-later
// What one entry of a node's stream carries: changes in their order.
//
// Bytes: version, epoch (8, any), sequence number (varint), then changes: what it is (a byte), key
// and, for one that is put, record, each behind its length (varint).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace l7 {

inline constexpr std::uint8_t kBatchVersion = 1;
inline constexpr std::size_t kBatchChanges = 256; ///< at most in one entry

/// One state that changed. Without a record it is gone.
struct Change {
    std::string key;
    std::string record;
};

/// The sequence numbers of an epoch, which a process has, go up by one: one that is missing tells a
/// reader that the stream was trimmed past it.
struct BatchHead {
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
    bool anew = false; ///< all was written anew: read all of it
};

std::string encode_batch(const BatchHead &head, const std::vector<Change> &changes);

/// A change within the batch's bytes.
struct ChangeView {
    std::string_view key;
    std::string_view record; ///< empty: gone
};

struct BatchView {
    BatchHead head;
    std::vector<ChangeView> changes;
};

/// Nothing for what is malformed. Records and keys are for others to judge.
std::optional<BatchView> parse_batch(std::string_view bytes);

} // namespace l7
