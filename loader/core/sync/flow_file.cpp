// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/flow_file.hpp"

#include "core/sync/record.hpp"

#include <array>
#include <openssl/evp.h>
#include <utility>

namespace l7 {

namespace {

constexpr std::string_view kMagic = "l7flows\n";
constexpr std::size_t kDigest = 32;
constexpr std::size_t kVersionAt = kMagic.size(), kCountAt = kVersionAt + 4,
                      kBytesAt = kCountAt + 8, kHead = kBytesAt + 8;
constexpr std::size_t kKeyMax = 38;
constexpr std::size_t kFlowLeast = 17; ///< bytes of an entry: IPv4, and a record without fields

void append_number(std::string &out, std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++)
        out.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t number_at(std::string_view from, std::size_t at, unsigned bytes) {
    std::uint64_t out = 0;
    for (unsigned i = 0; i < bytes; i++)
        out |= std::uint64_t{static_cast<std::uint8_t>(from[at + i])} << (8 * i);
    return out;
}

std::string digest_of(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    if (EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha256(), nullptr) != 1)
        return {};
    return {reinterpret_cast<const char *>(out.data()), kDigest};
}

/// What head and size say; the flows are not looked at.
Result<std::string_view> flows_of(std::string_view file) {
    if (!file.starts_with(kMagic))
        return Error{"this is no file of flows", "`l7ctl flows export FILE` makes one"};
    if (file.size() >= kCountAt)
        if (const std::uint64_t version = number_at(file, kVersionAt, 4);
            version != kFlowFileVersion)
            return Error{"the file is of version " + std::to_string(version) + ", and this reads " +
                             std::to_string(kFlowFileVersion),
                         "export and import with the same l7ctl"};
    if (file.size() < kHead + kDigest)
        return Error{"the file is cut off"};
    const std::uint64_t bytes = number_at(file, kBytesAt, 8);
    const std::size_t there = file.size() - kHead - kDigest;
    if (there < bytes)
        return Error{"the file is cut off: " + std::to_string(bytes - there) +
                     " bytes are missing"};
    if (there > bytes)
        return Error{"the file goes on behind its end"};
    const std::string digest = digest_of(file.substr(0, file.size() - kDigest));
    if (digest.empty() || digest != file.substr(file.size() - kDigest))
        return Error{"the file was damaged: its checksum is another"};
    return file.substr(kHead, there);
}

} // namespace

bool FlowFile::add(const FlowState &state, std::uint64_t at_ms) {
    const std::string key = key_of(state.key), record = encode(state, at_ms);
    constexpr std::size_t kLengths = 4;
    if (flows_.size() + key.size() + record.size() + kLengths > kFlowFileMax - kHead - kDigest)
        return false;
    append_text(flows_, key);
    append_text(flows_, record);
    count_++;
    return true;
}

std::string FlowFile::take() {
    std::string out(kMagic);
    out.reserve(kHead + flows_.size() + kDigest);
    append_number(out, kFlowFileVersion, 4);
    append_number(out, std::exchange(count_, 0), 8);
    append_number(out, flows_.size(), 8);
    out += std::exchange(flows_, {});
    out += digest_of(out);
    return out;
}

Result<std::vector<FlowFileEntry>> parse_flow_file(std::string_view file) {
    const auto flows = flows_of(file);
    if (!flows)
        return flows.error();
    const std::uint64_t count = number_at(file, kCountAt, 8);
    std::string_view rest = *flows;
    std::vector<FlowFileEntry> out;
    if (count > rest.size() / kFlowLeast)
        return Error{"the file says that it has more flows than it can"};
    out.reserve(count);
    while (!rest.empty()) {
        const auto key = take_text(rest, kKeyMax);
        const auto record = key ? take_text(rest, kRecordMax) : std::nullopt;
        if (!record || !decode_flow(*key, *record))
            return Error{"flow " + std::to_string(out.size() + 1) + " of the file is malformed"};
        out.push_back({*key, *record});
    }
    if (out.size() != count)
        return Error{"the file has " + std::to_string(out.size()) + " flows and says " +
                     std::to_string(count)};
    return out;
}

} // namespace l7
