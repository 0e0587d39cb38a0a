// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/export_config.hpp"

#include <arpa/inet.h>
#include <charconv>

namespace l7 {

std::optional<CollectorAddress> parse_collector(std::string_view url) {
    CollectorAddress out;
    if (url.starts_with("tcp://"))
        out.tcp = true;
    else if (!url.starts_with("udp://"))
        return std::nullopt;
    url.remove_prefix(6);

    const bool bracketed = url.starts_with('[');
    const std::size_t end = bracketed ? url.find(']') : url.find(':');
    if (bracketed && end == std::string_view::npos)
        return std::nullopt;
    out.host = url.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
    in6_addr parsed{};
    if (inet_pton(bracketed ? AF_INET6 : AF_INET, out.host.c_str(), &parsed) != 1)
        return std::nullopt;

    std::string_view rest = end == std::string_view::npos ? "" : url.substr(end);
    if (bracketed)
        rest.remove_prefix(1);
    if (rest.empty())
        return out;
    rest.remove_prefix(1);
    const auto [stop, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), out.port);
    if (failure != std::errc{} || stop != rest.data() + rest.size() || out.port == 0 ||
        url[url.size() - rest.size() - 1] != ':')
        return std::nullopt;
    return out;
}

} // namespace l7
