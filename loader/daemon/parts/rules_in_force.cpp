// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/rules_in_force.hpp"

namespace l7 {

Result<void> RulesInForce::set(const Catalog &catalog) {
    const std::lock_guard lock(mutex_);
    // A name that comes from here on is held against the new rules when it comes; those that are
    // there already, when the rules are set.
    catalog.knowledge.hosts->tell(
        [this, rules = catalog.rules](std::uint32_t id, std::string_view name) {
            kernel_.rules().set_host(id, rules->host(name));
        });
    std::vector<std::string> devices = devices_now();
    if (auto set = kernel_.rules().set(*catalog.rules, devices, kernel_.hosts()); !set)
        return set;
    rules_ = catalog.rules;
    known_ = std::move(devices);
    return {};
}

void RulesInForce::look_at_devices() {
    const std::lock_guard lock(mutex_);
    const std::vector<std::string> now = devices_now();
    for (unsigned slot = 0; slot < now.size(); slot++)
        if (known_[slot] != now[slot])
            kernel_.rules().set_device(*rules_, slot, now[slot]);
    known_ = now;
}

std::vector<std::string> RulesInForce::devices_now() const {
    std::vector<std::string> out;
    for (unsigned slot = 0; slot < L7_ATTACH_MAX / 2; slot++)
        out.push_back(devices_.name_of(slot));
    return out;
}

} // namespace l7
