// SPDX-License-Identifier: GPL-2.0-or-later
// Protocols: their numbers in the kernel's tables, and those that are known without any pattern.
#pragma once

#include "core/names/name_numbers.hpp"

#include <l7ctl/abi.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace l7 {

/// A protocol that l7ctl knows whatever patterns are loaded, as its dissectors prove it or the IP
/// header names it. The table is made of those files in patterns/ that say `dissected` or `ip`.
struct BuiltInProtocol {
    std::string_view name;
    std::string_view title;
    std::string_view spec;
    std::vector<std::string> groups;
    unsigned dissected; ///< the transports over which dissectors prove it: bit n is Transport n
    unsigned ip;        ///< its number in the IP header (IANA "Protocol Numbers"); 0: it has none
};
std::span<const BuiltInProtocol> built_in_protocols();

/// The built-in protocol of that name; null where there is none.
const BuiltInProtocol *built_in_protocol(std::string_view name);

/// The name of the protocol that is carried straight over IP under this number; "" where the number
/// is a transport's, whose payload tells more, or one that we have no name for.
std::string_view ip_protocol_name(std::uint8_t l4);

/// What flows and JSON call the number: "tcp", "udp", "icmp", ... or the number itself.
std::string l4_name(std::uint8_t l4);

/// "unset" to "malformed" have the reserved numbers.
class Protocols : public NameNumbers {
  public:
    Protocols();

    /// Gives every built-in protocol a number.
    void add_built_in();
};

} // namespace l7
