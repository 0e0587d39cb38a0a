// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/address.hpp"

#include "core/base/text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace l7 {

namespace {

bool is_ipv4(const ChildAddress &address) {
    return address[10] == 0xff && address[11] == 0xff &&
           std::all_of(address.begin(), address.begin() + 10, [](auto byte) { return byte == 0; });
}

/// inet_pton wants a terminated string, and would stop at a NUL in it.
bool pton(int family, std::string_view text, void *out) {
    if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos)
        return false;
    return inet_pton(family, std::string(text).c_str(), out) == 1;
}

} // namespace

ChildAddress from_ipv4(std::uint32_t address) {
    ChildAddress out{};
    out[10] = out[11] = 0xff;
    for (unsigned i = 0; i < 4; i++)
        out[12 + i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
    return out;
}

std::optional<ChildAddress> from_bytes(Bytes address) {
    ChildAddress out{};
    if (address.size() == 4)
        out[10] = out[11] = 0xff;
    else if (address.size() != out.size())
        return {};
    std::copy_backward(address.begin(), address.end(), out.end());
    return out;
}

std::optional<ChildAddress> parse_ipv4(std::string_view text) {
    std::array<std::uint8_t, 4> bytes;
    return pton(AF_INET, text, bytes.data()) ? from_bytes(bytes) : std::nullopt;
}

std::optional<ChildAddress> parse_ipv6(std::string_view text) {
    ChildAddress out;
    return pton(AF_INET6, text, out.data()) ? std::optional(out) : std::nullopt;
}

std::optional<ChildAddress> parse_address(std::string_view text) {
    if (text.starts_with('['))
        return text.ends_with(']') ? parse_ipv6(text.substr(1, text.size() - 2)) : std::nullopt;
    return text.find(':') == std::string_view::npos ? parse_ipv4(text) : parse_ipv6(text);
}

std::optional<HostPort> parse_host_port(std::string_view text) {
    const std::size_t host_end = text.starts_with('[') ? text.find(']') : 0;
    const std::size_t colon = text.find(':', std::min(host_end, text.size()));
    const auto address = parse_address(text.substr(0, colon));
    const auto port = colon == std::string_view::npos
                          ? std::optional<std::uint16_t>(0)
                          : number_of<std::uint16_t>(text.substr(colon + 1));
    if (!address || !port)
        return {};
    return HostPort{*address, *port};
}

bool is_unspecified(const ChildAddress &address) {
    return address == kAnyone || address == from_ipv4(0);
}

bool is_loopback(const ChildAddress &address) {
    ChildAddress one{};
    one[15] = 1;
    return address == one || (is_ipv4(address) && address[12] == 127);
}

bool is_multicast(const ChildAddress &address) {
    return is_ipv4(address) ? address[12] >> 4 == 14 || address == from_ipv4(0xffffffff)
                            : address[0] == 0xff;
}

} // namespace l7
