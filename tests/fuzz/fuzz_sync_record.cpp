// SPDX-License-Identifier: GPL-2.0-or-later
// What a peer's Redis may say: a batch of the stream, or a key and a record. What is taken comes
// back from what we would write of it as the same, and a cache stays within its bound.
#include "core/sync/batch.hpp"
#include "core/sync/external_cache.hpp"
#include "core/sync/takeover.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace l7;

void must(bool holds) {
    if (!holds)
        std::abort();
}

class Taker : public ReplicaSink {
  public:
    Result<std::size_t> put(std::span<const FlowState> flows) override { return flows.size(); }
};

void one(std::string_view key, std::string_view record) {
    if (const auto flow = decode_flow(key, record)) {
        const auto again =
            decode_flow(key_of(flow->state.key), encode(flow->state, flow->changed_ms));
        must(again && again->state == flow->state && again->changed_ms == flow->changed_ms);
        must(key_of(flow->state.key) == key);
    }
    if (const auto state = decode_expectation(key, record))
        must(decode_expectation(key_of(*state), encode(*state)) == state && key_of(*state) == key);
    if (const auto state = decode_endpoint(key, record))
        must(decode_endpoint(key_of(*state), encode(*state)) == state && key_of(*state) == key);
    if (const auto state = decode_hint(key, record))
        must(decode_hint(key_of(*state), encode(*state)) == state && key_of(*state) == key);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char *>(data), size);
    constexpr std::size_t kRoom = 4096;
    if (const auto batch = parse_batch(bytes)) {
        ExternalCache cache(kRoom, {});
        Takeover takeover;
        for (const ChangeView &change : batch->changes) {
            one(change.key, change.record);
            if (change.record.empty())
                cache.remove(change.key);
            else if (cache.put(change.key, change.record, 0))
                takeover.add(change.key, change.record);
            must(cache.report().bytes <= kRoom);
        }
        cache.expire(1, 0, 1);
        cache.clear();
        must(cache.report().flows == 0 && cache.report().others == 0);
        Taker taker;
        must(static_cast<bool>(takeover.enter(taker, 1)));
    }
    if (size > 0 && data[0] < size)
        one(bytes.substr(1, data[0]), bytes.substr(1 + data[0]));
    return 0;
}
