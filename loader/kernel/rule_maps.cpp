// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/rule_maps.hpp"

#include "kernel/error.hpp"

#include <bit>
#include <bpf/bpf.h>
#include <cstring>

namespace l7 {

namespace {
constexpr std::size_t kPorts = 65536;
}

Result<void> RuleMaps::open(const std::function<int(const char *)> &map_fd, l7_settings &settings,
                            Accounts &accounts) {
    settings_ = &settings;
    accounts_ = &accounts;
    rules_ = map_fd("rules");
    protocols_ = map_fd("rule_protocols");
    apps_ = map_fd("rule_apps");
    prefixes_ = map_fd("rule_prefixes");
    dscp_ = map_fd("rule_dscp");
    auto hosts = map_memory_of(map_fd("rule_hosts"),
                               std::size_t{2} * (L7_HOSTS_MAX + 1) * sizeof(std::uint64_t));
    if (!hosts)
        return hosts.error();
    hosts_map_ = std::move(*hosts);
    auto ports = map_memory_of(map_fd("rule_ports"), 2 * kPorts * sizeof(std::uint64_t));
    if (!ports)
        return ports.error();
    ports_map_ = std::move(*ports);
    return {};
}

Result<void> RuleMaps::write(const char *what, int fd, std::uint32_t index, const void *value) {
    if (const int failure = bpf_map_update_elem(fd, &index, value, BPF_ANY); failure)
        return kernel_error(std::string("writing ") + what, failure);
    return {};
}

Result<void> RuleMaps::set(const RuleTables &tables, const std::vector<std::string> &devices,
                           std::span<const l7_host> hosts) {
    const std::uint32_t before = settings_->rules_epoch;
    const unsigned bank = (before & 1) ^ 1;

    // As long as its old rules tell whose the hits are.
    if (auto done = accounts_->retire(bank); !done)
        return done;
    for (std::uint32_t i = 0; i < L7_RULES_MAX; i++) {
        const l7_rule rule = i < tables.rules().size() ? tables.rules()[i] : l7_rule{};
        if (auto done = write("rules", rules_, bank * L7_RULES_MAX + i, &rule); !done)
            return done;
    }
    for (std::uint32_t i = 0; i < L7_PROTOCOLS_MAX; i++)
        if (auto done = write("the rules' protocols", protocols_, bank * L7_PROTOCOLS_MAX + i,
                              &tables.protocols()[i]);
            !done)
            return done;
    for (std::uint32_t i = 0; i < L7_APPLICATIONS_MAX; i++)
        if (auto done = write("the rules' applications", apps_, bank * L7_APPLICATIONS_MAX + i,
                              &tables.applications()[i]);
            !done)
            return done;
    for (std::uint32_t i = 0; i < tables.dscps().size(); i++)
        if (auto done = write("the rules' DSCPs", dscp_,
                              static_cast<std::uint32_t>(bank * tables.dscps().size()) + i,
                              &tables.dscps()[i]);
            !done)
            return done;
    std::memcpy(ports_map_.data() + bank * kPorts * sizeof(std::uint64_t), tables.ports().data(),
                kPorts * sizeof(std::uint64_t));
    std::uint64_t *const bits = host_bits(bank);
    bits[0] = tables.host("");
    for (std::size_t i = 0; i < hosts.size() && i < L7_HOSTS_MAX; i++)
        bits[i + 1] = hosts[i].id ? tables.host(hosts[i].name) : bits[0];
    for (unsigned slot = 0; slot < L7_ATTACH_MAX / 2; slot++)
        write_hooks(tables, bank, slot, slot < devices.size() ? devices[slot] : "");
    if (auto done = write_prefixes(tables, bank); !done)
        return done;
    // Flows hold 16 bits of it, and 0 where they were never held against rules.
    std::uint32_t epoch = (((before >> 1) + 1) << 1 | bank) & 0xffff;
    if (epoch < 2)
        epoch += 2;
    __atomic_store_n(&settings_->rules_moving, tables.moving(), __ATOMIC_RELEASE);
    __atomic_store_n(&settings_->rules_dscp, tables.by_dscp(), __ATOMIC_RELEASE);
    __atomic_store_n(&settings_->rules_drop, tables.dropping(), __ATOMIC_RELEASE);
    __atomic_store_n(&settings_->rules_epoch, epoch, __ATOMIC_RELEASE);
    return {};
}

Result<void> RuleMaps::write_prefixes(const RuleTables &tables, unsigned bank) {
    l7_rule_prefix key{}, next{};
    std::vector<l7_rule_prefix> old;
    for (void *from = nullptr; bpf_map_get_next_key(prefixes_, from, &next) == 0; from = &key) {
        key = next;
        if (key.bank == bank)
            old.push_back(key);
    }
    for (const l7_rule_prefix &one : old)
        bpf_map_delete_elem(prefixes_, &one);
    for (const auto &[prefix, bits] : tables.prefixes()) {
        key = {};
        key.bits = 8 + prefix.bits;
        key.bank = static_cast<std::uint8_t>(bank);
        std::memcpy(key.addr, prefix.address, sizeof(key.addr));
        if (const int failure = bpf_map_update_elem(prefixes_, &key, &bits, BPF_ANY); failure)
            return kernel_error("writing the rules' addresses", failure);
    }
    return {};
}

void RuleMaps::write_hooks(const RuleTables &tables, unsigned bank, unsigned slot,
                           const std::string &device) {
    for (const l7_hook hook : {L7_INGRESS, L7_EGRESS})
        __atomic_store_n(&settings_->hooks[bank][slot * 2 + static_cast<unsigned>(hook)],
                         tables.hook(device, hook), __ATOMIC_RELEASE);
}

void RuleMaps::set_host(std::uint32_t id, std::uint64_t bits) {
    const std::size_t index = id & (L7_HOSTS_MAX - 1);
    for (const unsigned bank : {0U, 1U})
        __atomic_store_n(host_bits(bank) + index + 1, bits, __ATOMIC_RELEASE);
}

void RuleMaps::set_device(const RuleTables &tables, unsigned slot, const std::string &device) {
    write_hooks(tables, settings_->rules_epoch & 1, slot, device);
}

std::optional<l7_rule> RuleMaps::of(std::uint64_t met, unsigned attach) const {
    const std::uint32_t bank = settings_->rules_epoch & 1;
    const std::uint64_t here =
        met & __atomic_load_n(&settings_->hooks[bank][attach % L7_ATTACH_MAX], __ATOMIC_ACQUIRE);
    l7_rule rule{};
    if (here == 0)
        return std::nullopt;
    const std::uint32_t index =
        bank * L7_RULES_MAX + static_cast<std::uint32_t>(std::countr_zero(here));
    if (bpf_map_lookup_elem(rules_, &index, &rule) != 0)
        return std::nullopt;
    return rule;
}

} // namespace l7
