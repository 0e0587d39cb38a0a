// SPDX-License-Identifier: GPL-2.0-or-later
#include "metrics/host.hpp"

#include "core/base/text.hpp"

#include <algorithm>

namespace l7 {

namespace {

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

std::string header_host(std::string_view text) {
    std::string_view host = text, port;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos)
            return {};
        host = text.substr(1, end - 1);
        const std::string_view rest = text.substr(end + 1);
        if (rest.empty())
            return ascii_lowered(host);
        if (rest.front() != ':')
            return {};
        port = rest.substr(1);
    } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
    } else {
        return ascii_lowered(host);
    }
    return is_port(port) ? ascii_lowered(host) : std::string();
}

bool host_allowed(std::string_view host_header, std::string_view listen,
                  const std::vector<std::string> &names) {
    const std::string host = header_host(host_header);
    if (host.empty())
        return false;
    if (host == "localhost" || host == "127.0.0.1" || host == "::1" || host == header_host(listen))
        return true;
    return std::ranges::any_of(
        names, [&](const std::string &name) { return ascii_lowered(name) == host; });
}

} // namespace l7
