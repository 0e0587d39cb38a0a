// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/protocol_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace l7 {

std::string protocol_list_head() {
    return fmt::format("{:<16} {:<9} {:<18} {:<12} {:<20} {}", "protocol", "quality", "by", "over",
                       "groups", "title");
}

std::string to_text(const KnownProtocol &protocol) {
    const std::string attributes = protocol.attributes.empty()
                                       ? std::string()
                                       : fmt::format("[{}]", fmt::join(protocol.attributes, " "));
    return fmt::format("{:<16} {:<9} {:<18} {:<12} {:<20} {}", protocol.name,
                       to_string(protocol.quality), fmt::format("{}", fmt::join(protocol.by, ",")),
                       fmt::format("{}", fmt::join(protocol.l4, ",")),
                       fmt::format("{}", fmt::join(protocol.groups, ",")),
                       protocol.title.empty() ? attributes : protocol.title);
}

std::string to_json(const KnownProtocol &protocol) {
    return nlohmann::ordered_json{{"protocol", protocol.name},
                                  {"quality", to_string(protocol.quality)},
                                  {"by", protocol.by},
                                  {"l4", protocol.l4},
                                  {"groups", protocol.groups},
                                  {"title", protocol.title},
                                  {"spec", protocol.spec},
                                  {"attributes", protocol.attributes},
                                  {"supersedes", protocol.supersedes},
                                  {"file", protocol.file}}
        .dump();
}

} // namespace l7
