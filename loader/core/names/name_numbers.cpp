// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/name_numbers.hpp"

namespace l7 {

NameNumbers::NameNumbers(std::uint16_t first, std::uint16_t most)
    : first_(first), most_(most), names_(first) {}

void NameNumbers::reserve(std::uint16_t number, std::string_view name) {
    names_[number] = name;
    numbers_.emplace(name, number);
}

std::uint16_t NameNumbers::number(std::string_view name) {
    if (const auto found = numbers_.find(name); found != numbers_.end())
        return found->second;
    if (names_.size() >= most_)
        return 0;
    const auto number = static_cast<std::uint16_t>(names_.size());
    names_.emplace_back(name);
    numbers_.emplace(name, number);
    return number;
}

std::uint16_t NameNumbers::find(std::string_view name) const {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? 0 : found->second;
}

const std::string &NameNumbers::name(std::uint16_t number) const {
    static const std::string never = "?";
    return number < names_.size() && !names_[number].empty() ? names_[number] : never;
}

Result<void> NameNumbers::restore(std::uint16_t number, std::string_view name) {
    if (number < first_ || number >= most_ || name.empty())
        return Error{"number " + std::to_string(number) + " of a name cannot be restored"};
    if ((number < names_.size() && !names_[number].empty()) || numbers_.contains(name))
        return Error{"'" + std::string(name) + "' stands twice among pinned names"};
    if (names_.size() <= number)
        names_.resize(number + 1U);
    names_[number] = name;
    numbers_.emplace(name, number);
    return {};
}

} // namespace l7
