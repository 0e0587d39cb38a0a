// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/batch.hpp"

#include "core/sync/record.hpp"

#include <cstring>

namespace l7 {

namespace {
enum What : char { kPut = '+', kGone = '-', kAnew = '!' };
} // namespace

std::string encode_batch(const BatchHead &head, const std::vector<Change> &changes) {
    std::string out;
    out.reserve(16 + changes.size() * 128);
    out.push_back(static_cast<char>(kBatchVersion));
    for (unsigned shift = 0; shift < 64; shift += 8)
        out.push_back(static_cast<char>(head.epoch >> shift));
    append_varint(out, head.sequence);
    if (head.anew)
        out.push_back(kAnew);
    for (const Change &change : changes) {
        out.push_back(change.record.empty() ? kGone : kPut);
        append_text(out, change.key);
        if (!change.record.empty())
            append_text(out, change.record);
    }
    return out;
}

std::optional<BatchView> parse_batch(std::string_view bytes) {
    constexpr std::size_t kHead = 9, kKeyMax = 64;
    BatchView out;
    if (bytes.size() < kHead || static_cast<std::uint8_t>(bytes[0]) != kBatchVersion)
        return std::nullopt;
    for (unsigned i = 0; i < 8; i++)
        out.head.epoch |= std::uint64_t{static_cast<std::uint8_t>(bytes[1 + i])} << (8 * i);
    bytes.remove_prefix(kHead);
    const auto sequence = take_varint(bytes);
    if (!sequence)
        return std::nullopt;
    out.head.sequence = *sequence;
    while (!bytes.empty()) {
        const char what = bytes[0];
        bytes.remove_prefix(1);
        if (what == kAnew) {
            out.head.anew = true;
            continue;
        }
        if ((what != kPut && what != kGone) || out.changes.size() >= kBatchChanges)
            return std::nullopt;
        const auto key = take_text(bytes, kKeyMax);
        if (!key || key->empty())
            return std::nullopt;
        std::string_view record;
        if (what == kPut) {
            const auto taken = take_text(bytes, kRecordMax);
            if (!taken || taken->empty())
                return std::nullopt;
            record = *taken;
        }
        out.changes.push_back({*key, record});
    }
    return out;
}

} // namespace l7
