// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/sync_config.hpp"

#include "core/base/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace l7 {

std::optional<RedisAddress> parse_redis_address(std::string_view text) {
    constexpr std::size_t kSocketPathMax = 107; // of sockaddr_un, less its NUL
    RedisAddress out;
    if (text.starts_with('/')) {
        if (text.size() > kSocketPathMax || text.find('\0') != std::string_view::npos)
            return std::nullopt;
        out.path = text;
        return out;
    }
    const bool bracketed = text.starts_with('[');
    const std::size_t end = bracketed ? text.find(']') : text.find(':');
    if (bracketed && end == std::string_view::npos)
        return std::nullopt;
    out.host = text.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
    in6_addr parsed{};
    if (inet_pton(bracketed ? AF_INET6 : AF_INET, out.host.c_str(), &parsed) != 1)
        return std::nullopt;
    std::string_view rest = end == std::string_view::npos ? "" : text.substr(end);
    if (bracketed)
        rest.remove_prefix(1);
    if (rest.empty())
        return out;
    if (!rest.starts_with(':'))
        return std::nullopt;
    rest.remove_prefix(1);
    const auto [stop, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), out.port);
    if (failure != std::errc{} || stop != rest.data() + rest.size() || out.port == 0)
        return std::nullopt;
    return out;
}

std::string to_text(const RedisAddress &address) {
    if (!address.path.empty())
        return address.path;
    const bool v6 = address.host.find(':') != std::string::npos;
    return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool is_node_name(std::string_view text) {
    const auto fits = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; };
    return !text.empty() && text.size() <= kNodeNameMax && std::ranges::all_of(text, fits);
}

} // namespace l7
