// SPDX-License-Identifier: GPL-2.0-or-later
// A file of flows, and what it would be with its checksum made good: what is taken is of flows
// that can be decoded, and comes back from what we would write of them.
#include "core/sync/flow_file.hpp"
#include "core/sync/record.hpp"

#include <cstdint>
#include <cstdlib>
#include <openssl/evp.h>

namespace {

using namespace l7;

void must(bool holds) {
    if (!holds)
        std::abort();
}

void one(std::string_view file) {
    const auto parsed = parse_flow_file(file);
    if (!parsed)
        return;
    FlowFile again;
    for (const FlowFileEntry &entry : *parsed) {
        const auto flow = decode_flow(entry.key, entry.record);
        must(flow.has_value());
        must(again.add(flow->state, flow->changed_ms));
    }
    const std::string written = again.take();
    const auto back = parse_flow_file(written);
    must(back && back->size() == parsed->size());
    for (std::size_t i = 0; i < back->size(); i++)
        must((*back)[i].key == (*parsed)[i].key);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    constexpr std::size_t kDigest = 32, kBytesAt = 20, kHead = 28;
    std::string file(reinterpret_cast<const char *>(data), size);
    one(file);
    if (size < kHead)
        return 0;
    // The length and the checksum, which chance does not find.
    for (unsigned i = 0; i < 8; i++)
        file[kBytesAt + i] = static_cast<char>(std::uint64_t{size - kHead} >> (8 * i));
    unsigned char digest[kDigest];
    must(EVP_Digest(file.data(), file.size(), digest, nullptr, EVP_sha256(), nullptr) == 1);
    one(file.append(reinterpret_cast<const char *>(digest), kDigest));
    return 0;
}
