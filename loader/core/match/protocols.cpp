// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/protocols.hpp"

namespace l7 {

Protocols::Protocols() : names_(L7_PROTOCOL_FIRST) {
    names_[L7_UNSET] = "unset";
    names_[L7_UNKNOWN] = "unknown";
    names_[L7_NON_IP] = "non-ip";
    names_[L7_MALFORMED] = "malformed";
    for (std::uint16_t i = 0; i <= L7_MALFORMED; i++)
        numbers_.emplace(names_[i], i);
}

std::uint16_t Protocols::number(std::string_view name) {
    if (const auto found = numbers_.find(std::string(name)); found != numbers_.end())
        return found->second;
    if (names_.size() >= L7_PROTOCOLS_MAX)
        return L7_UNSET;
    const auto number = static_cast<std::uint16_t>(names_.size());
    names_.emplace_back(name);
    numbers_.emplace(name, number);
    return number;
}

std::uint16_t Protocols::find(std::string_view name) const {
    const auto found = numbers_.find(std::string(name));
    return found == numbers_.end() ? L7_UNSET : found->second;
}

const std::string &Protocols::name(std::uint16_t number) const {
    static const std::string never = "?";
    return number < names_.size() && !names_[number].empty() ? names_[number] : never;
}

Result<void> Protocols::restore(std::uint16_t number, std::string_view name) {
    if (number < L7_PROTOCOL_FIRST || number >= L7_PROTOCOLS_MAX || name.empty())
        return Error{"protocol number " + std::to_string(number) + " cannot be restored"};
    if ((number < names_.size() && !names_[number].empty()) || numbers_.contains(std::string(name)))
        return Error{"protocol '" + std::string(name) + "' stands twice among pinned names"};
    if (names_.size() <= number)
        names_.resize(number + 1U);
    names_[number] = name;
    numbers_.emplace(name, number);
    return {};
}

} // namespace l7
