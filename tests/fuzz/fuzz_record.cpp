// SPDX-License-Identifier: GPL-2.0-or-later
// Ring records with any header that a worker lets through: the classifier stays within its bounds
// and every verdict is on a flow it was shown.
#include "core/flow/classifier.hpp"
#include "small_database.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    constexpr std::size_t kFlows = 8;
    const auto &base = l7::fuzz::small_database();
    l7::ClassifierLimits limits;
    limits.flows = kFlows;
    static l7::Classifier classifier(limits);
    classifier.use({base.database, base.protocols});
    std::vector<l7_verdict> verdicts;
    std::uint64_t now = 1'000'000'000;

    while (size >= 12) {
        l7_record head{};
        head.key.l4 = data[0] & 1 ? L7_IPPROTO_TCP : data[0] & 2 ? L7_IPPROTO_UDP : data[1];
        head.key.port[0] = data[1] & 15;
        head.hash = l7_key_hash(&head.key);
        head.direction = data[2] & 1;
        head.flags = data[3];
        head.kind = data[2] & 2 ? L7_RECORD_EXPECTED : L7_RECORD_SAMPLE;
        head.protocol = data[2] & 4 ? L7_PROTOCOL_FIRST : L7_UNSET;
        head.offset = static_cast<std::uint32_t>(data[4] | data[5] << 8 | (data[2] & 0x80) << 24);
        head.packet = data[6];
        head.born = data[7] & 3;
        head.wire_size = static_cast<std::uint16_t>(data[8] | data[9] << 8);
        now += data[10] * 300'000'000ULL;
        head.size = static_cast<std::uint16_t>(std::min<std::size_t>(data[11], size - 12));
        if (const auto verdict = classifier.take({head, {data + 12, head.size}}, now))
            if (std::memcmp(&verdict->key, &head.key, sizeof(head.key)) != 0 ||
                (verdict->protocol == L7_UNSET && verdict->op != L7_APPLY_UNFOLLOW))
                std::abort();
        (void)classifier.take_pushed_out();
        if (classifier.flows() > kFlows)
            std::abort();
        data += 12 + head.size;
        size -= 12U + head.size;
        classifier.sweep(now, 4, verdicts);
    }
    classifier.finish(now, verdicts);
    if (classifier.flows() != 0)
        std::abort();
    return 0;
}
