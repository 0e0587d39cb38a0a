// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/tpkt.hpp"

#include <algorithm>

namespace l7 {

namespace {

constexpr std::uint8_t kVersion = 3;
constexpr std::size_t kTpktHeader = 4;
constexpr std::size_t kPacketMost = 8192;

} // namespace

std::optional<Bytes> TpktReader::next(Bytes &data) {
    if (given_)
        held_.clear();
    given_ = false;
    while (!lost_ && !data.empty()) {
        if (left_ > 0) {
            const std::size_t size = std::min(left_, data.size());
            left_ -= size;
            data = data.subspan(size);
            continue;
        }
        const bool headed = held_.size() >= kTpktHeader;
        const std::size_t wanted = headed ? std::size_t{held_[2]} << 8 | held_[3] : kTpktHeader;
        const std::size_t size = std::min(wanted - held_.size(), data.size());
        held_.insert(held_.end(), data.begin(), data.begin() + static_cast<long>(size));
        data = data.subspan(size);
        if (held_.size() < wanted)
            break;
        const std::size_t length = std::size_t{held_[2]} << 8 | held_[3];
        if (!headed && (held_[0] != kVersion || length < kTpktHeader)) {
            lost_ = true;
        } else if (length > kPacketMost) {
            left_ = length - kTpktHeader;
            held_.clear();
        } else if (held_.size() == length) {
            given_ = true;
            return Bytes(held_).subspan(kTpktHeader);
        }
    }
    if (lost_)
        data = {};
    return {};
}

} // namespace l7
