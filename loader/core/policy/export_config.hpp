// SPDX-License-Identifier: GPL-2.0-or-later
// Where flow records go: [export] of the configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace l7 {

/// Where an IPFIX collector listens. A literal address: a slow resolver would hold records up.
struct CollectorAddress {
    bool tcp = false;
    std::string host;
    std::uint16_t port = 4739; ///< IANA's for IPFIX

    bool operator==(const CollectorAddress &) const = default;
};

struct ExportConfig {
    std::string json;                      ///< file of JSON lines; "": none
    std::optional<CollectorAddress> ipfix; ///< none: no IPFIX
    std::uint32_t active = 300;            ///< seconds after which a flow that goes on is reported
    std::uint32_t queue = 65536;           ///< records that wait for the writers
    std::uint32_t templates = 60;          ///< seconds between templates over UDP
    std::uint32_t domain = 0;              ///< observation domain
    bool flush = true; ///< live flows are reported when the daemon stops or a device is detached

    bool wanted() const { return !json.empty() || ipfix.has_value(); }
    bool operator==(const ExportConfig &) const = default;
};

/// "udp://192.0.2.9:4739", "tcp://[2001:db8::9]"; nothing for anything else.
std::optional<CollectorAddress> parse_collector(std::string_view url);

} // namespace l7
