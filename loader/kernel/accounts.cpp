// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/accounts.hpp"

#include "kernel/error.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <map>
#include <utility>

namespace l7 {

namespace {

l7_account &operator+=(l7_account &sum, const l7_account &one) {
    sum.packets += one.packets;
    sum.bytes += one.bytes;
    sum.flows += one.flows;
    return sum;
}

l7_hits &operator+=(l7_hits &sum, const l7_hits &one) {
    sum.packets += one.packets;
    sum.bytes += one.bytes;
    return sum;
}

/// Every entry of a per-CPU map, summed. What cannot be read is left out.
template <class Key, class Value, class Each>
void each_sum(int fd, Each each) {
    constexpr std::uint32_t kChunk = 1024;
    const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
    std::vector<Key> keys(kChunk);
    std::vector<Value> values(kChunk * cpus);
    std::uint32_t batch = 0;
    bool first = true;

    for (;;) {
        std::uint32_t count = kChunk;
        const int failure = bpf_map_lookup_batch(fd, first ? nullptr : &batch, &batch, keys.data(),
                                                 values.data(), &count, nullptr);
        if (failure && failure != -ENOENT)
            return;
        for (std::uint32_t i = 0; i < count; i++) {
            Value sum{};
            for (std::size_t cpu = 0; cpu < cpus; cpu++)
                sum += values[i * cpus + cpu];
            each(keys[i], sum);
        }
        if (failure == -ENOENT)
            return;
        first = false;
    }
}

template <class Value>
Result<void> clear_range(int fd, std::uint32_t first, std::uint32_t count) {
    const std::vector<Value> zeros(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    for (std::uint32_t index = first; index < first + count; index++)
        if (const int failure = bpf_map_update_elem(fd, &index, zeros.data(), BPF_ANY); failure)
            return kernel_error("clearing a device's accounting", failure);
    return {};
}

} // namespace

void Accounts::open(const std::function<int(const char *)> &map_fd) {
    protocols_ = map_fd("accounting");
    apps_ = map_fd("account_apps");
    rules_ = map_fd("rules");
    hits_ = map_fd("rule_hits");
    classes_ = map_fd("account_classes");
}

std::vector<AccountRow> Accounts::protocols() const {
    std::vector<AccountRow> out;
    each_sum<std::uint32_t, l7_account>(protocols_, [&](std::uint32_t key, const l7_account &sum) {
        if (sum.packets || sum.bytes || sum.flows)
            out.push_back(
                {key / L7_PROTOCOLS_MAX, static_cast<std::uint16_t>(key % L7_PROTOCOLS_MAX), sum});
    });
    return out;
}

std::vector<AccountRow> Accounts::applications() const {
    std::vector<AccountRow> out;
    each_sum<l7_account_app, l7_account>(apps_, [&](l7_account_app key, const l7_account &sum) {
        out.push_back({key.attach, key.application, sum});
    });
    return out;
}

/// Those that are not zero.
std::vector<Accounts::RuleRow> Accounts::rule_rows() const {
    std::vector<RuleRow> out;
    each_sum<std::uint32_t, l7_hits>(hits_, [&](std::uint32_t key, const l7_hits &sum) {
        const std::uint32_t number = key / L7_ATTACH_MAX;
        if (sum.packets)
            out.push_back({number / L7_RULES_MAX, number % L7_RULES_MAX, key % L7_ATTACH_MAX, sum});
    });
    return out;
}

std::optional<std::uint32_t> Accounts::class_of(unsigned bank, unsigned rule) const {
    const std::uint32_t index = bank * L7_RULES_MAX + rule;
    l7_rule found{};
    if (bpf_map_lookup_elem(rules_, &index, &found) != 0 || !(found.outcome & L7_O_CLASS))
        return std::nullopt;
    return found.classid;
}

std::vector<ClassRow> Accounts::classes() const {
    const std::lock_guard lock(mutex_);
    std::map<std::pair<unsigned, std::uint32_t>, l7_hits> sums;
    l7_account_class key{}, next{};
    for (const void *from = nullptr; bpf_map_get_next_key(classes_, from, &next) == 0;
         from = &key) {
        key = next;
        l7_hits hits{};
        if (bpf_map_lookup_elem(classes_, &key, &hits) == 0)
            sums[{key.attach, key.classid}] += hits;
    }
    for (const RuleRow &row : rule_rows())
        if (const auto classid = class_of(row.bank, row.rule))
            sums[{row.attach, *classid}] += row.hits;
    std::vector<ClassRow> out;
    out.reserve(sums.size());
    for (const auto &[of, hits] : sums)
        out.push_back({of.first, of.second, hits});
    return out;
}

std::vector<l7_hits> Accounts::rules(unsigned bank) const {
    std::vector<l7_hits> out(L7_RULES_MAX);
    for (const RuleRow &row : rule_rows())
        if (row.bank == bank)
            out[row.rule] += row.hits;
    return out;
}

Result<void> Accounts::retire(unsigned bank) {
    const std::lock_guard lock(mutex_);
    for (const RuleRow &row : rule_rows()) {
        if (row.bank != bank)
            continue;
        if (const auto classid = class_of(row.bank, row.rule)) {
            const l7_account_class key{row.attach, *classid};
            l7_hits sum{};
            (void)bpf_map_lookup_elem(classes_, &key, &sum); // none yet: from zero
            sum += row.hits;
            if (const int failure = bpf_map_update_elem(classes_, &key, &sum, BPF_ANY); failure)
                return kernel_error("keeping a class's accounting", failure);
        }
        if (auto cleared = clear_range<l7_hits>(
                hits_, (row.bank * L7_RULES_MAX + row.rule) * L7_ATTACH_MAX + row.attach, 1);
            !cleared)
            return cleared;
    }
    return {};
}

Result<void> Accounts::clear(unsigned slot) const {
    if (auto done =
            clear_range<l7_account>(protocols_, slot * 2 * L7_PROTOCOLS_MAX, 2 * L7_PROTOCOLS_MAX);
        !done)
        return done;
    const std::lock_guard lock(mutex_);
    for (std::uint32_t number = 0; number < 2 * L7_RULES_MAX; number++)
        if (auto done = clear_range<l7_hits>(hits_, number * L7_ATTACH_MAX + slot * 2, 2); !done)
            return done;
    l7_account_class key{}, next{};
    std::vector<l7_account_class> gone;
    for (const void *from = nullptr; bpf_map_get_next_key(classes_, from, &next) == 0;
         from = &key) {
        key = next;
        if (key.attach / 2 == slot)
            gone.push_back(key);
    }
    for (const l7_account_class &one : gone)
        bpf_map_delete_elem(classes_, &one);
    for (const AccountRow &row : applications())
        if (row.attach / 2 == slot) {
            const l7_account_app app{static_cast<std::uint16_t>(row.attach), row.number};
            bpf_map_delete_elem(apps_, &app);
        }
    return {};
}

} // namespace l7
