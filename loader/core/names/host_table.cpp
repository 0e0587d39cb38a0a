// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/host_table.hpp"

#include "core/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace l7 {

HostTable::HostTable(std::size_t slots) : HostTable(std::span<l7_host>()) {
    own_.resize(std::min<std::size_t>(slots, 1U << 16));
    slots_ = own_;
    used_.resize(slots_.size());
}

HostTable::HostTable(std::span<l7_host> slots)
    : slots_(slots.first(std::min<std::size_t>(slots.size(), 1U << 16))), used_(slots_.size()) {
    for (l7_host &slot : slots_) {
        slot.name[kText] = '\0';
        if (slot.id != 0 && !ids_.try_emplace(slot.name, slot.id).second)
            slot.id = 0;
    }
}

std::uint32_t HostTable::number(std::string_view name) {
    std::array<char, kText> text;

    if (name.empty())
        return 0;
    name = name.substr(name.size() - std::min(name.size(), kText));
    std::ranges::transform(name, text.begin(), ascii_lower);
    const std::string_view key(text.data(), name.size());

    const std::lock_guard lock(mutex_);
    if (const auto known = ids_.find(key); known != ids_.end()) {
        used_[known->second & 0xffff] = true;
        return known->second;
    }
    if (slots_.empty())
        return 0;
    const std::uint32_t index = next_slot();
    l7_host &slot = slots_[index];
    if (slot.id != 0)
        ids_.erase(slot.name);
    std::uint32_t generation = ((slot.id >> 16) + 1) & 0xffff;
    if (generation == 0)
        generation = 1;
    // A reader of the map sees either no name or the new one.
    __atomic_store_n(&slot.id, 0U, __ATOMIC_RELEASE);
    std::memcpy(slot.name, key.data(), key.size());
    slot.name[key.size()] = '\0';
    if (of_new_)
        of_new_(generation << 16 | index, key);
    __atomic_store_n(&slot.id, generation << 16 | index, __ATOMIC_RELEASE);
    ids_.emplace(std::string_view(slot.name, key.size()), slot.id);
    used_[index] = false; // those that are asked for again stay longer
    return slot.id;
}

/// The clock's hand: passes over what was used since it came by last.
std::uint32_t HostTable::next_slot() {
    for (;;) {
        const std::uint32_t index = hand_;
        hand_ = (hand_ + 1) % static_cast<std::uint32_t>(slots_.size());
        if (slots_[index].id == 0 || !used_[index])
            return index;
        used_[index] = false;
    }
}

std::string HostTable::name(std::uint32_t id) const {
    const std::lock_guard lock(mutex_);
    const std::size_t index = id & 0xffff;
    return id != 0 && index < slots_.size() && slots_[index].id == id ? slots_[index].name
                                                                      : std::string();
}

void HostTable::tell(std::function<void(std::uint32_t id, std::string_view name)> of_new) {
    const std::lock_guard lock(mutex_);
    of_new_ = std::move(of_new);
}

std::size_t HostTable::size() const {
    const std::lock_guard lock(mutex_);
    return ids_.size();
}

} // namespace l7
