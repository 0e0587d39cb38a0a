// SPDX-License-Identifier: GPL-2.0-or-later
// Dissectors in tests.
#pragma once

#include "core/dissect/dissector.hpp"
#include "packets.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

namespace l7::test {

/// A stream fed so many bytes at a time; what the dissector says at its end.
struct Fed {
    Facts facts;
    Progress last = Progress::More;
    std::unique_ptr<Dissector> dissector;

    explicit Fed(std::unique_ptr<Dissector> one) : dissector(std::move(one)) {}

    Fed &stream(unsigned direction, std::string_view text, std::size_t step = 1000) {
        const Buffer all = bytes_of(text);
        for (std::size_t end = std::min(step, all.size());;
             end = std::min(end + step, all.size())) {
            const Bytes data(all.data(), end);
            last =
                dissector->take({Transport::Tcp, direction, data, {}, false, data.size()}, facts);
            if (end == all.size() || last == Progress::NotMine || last == Progress::Done)
                return *this;
        }
    }
};

inline std::string detail(const Facts &facts, std::string_view what) {
    for (const auto &[name, value] : facts.details)
        if (name == what)
            return value;
    return {};
}

} // namespace l7::test
