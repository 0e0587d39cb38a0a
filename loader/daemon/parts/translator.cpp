// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/translator.hpp"

#include <arpa/inet.h>
#include <cstring>

namespace l7 {

namespace {

/// A key for the question only: its ends are not in order.
l7_key question(const Parties &parties) {
    l7_key out{};
    for (unsigned end = 0; end < 2; end++) {
        std::memcpy(out.addr[end], parties.address[end].data(), sizeof(out.addr[end]));
        out.port[end] = htons(parties.port[end]);
    }
    out.l4 = parties.l4;
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    out.family =
        std::memcmp(parties.address[0].data(), kMapped.data(), kMapped.size()) == 0 ? 4 : 6;
    return out;
}

} // namespace

std::optional<Parties> Translator::original(const Parties &seen) {
    const std::lock_guard lock(mutex_);
    if (!conntrack_) {
        auto opened = Conntrack::open();
        if (!opened)
            return std::nullopt;
        conntrack_.emplace(std::move(*opened));
    }
    const auto found = conntrack_->find(question(seen));
    if (!found) { // an answer may still come, and would be taken for the next question's
        conntrack_.reset();
        return std::nullopt;
    }
    if (!*found)
        return std::nullopt;
    const auto &[there, back] = (*found)->tuples;
    const Parties out{{there.source.address, back.source.address},
                      {there.source.port, back.source.port},
                      seen.l4};
    if (out.address == seen.address && out.port == seen.port)
        return std::nullopt;
    return out;
}

} // namespace l7
