// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/accounts.hpp"

#include "kernel/error.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>

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
    class_hits_ = map_fd("account_classes");
    classes_ = map_fd("classes");
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

std::vector<ClassRow> Accounts::classes() const {
    std::vector<ClassRow> out;
    each_sum<std::uint32_t, l7_hits>(class_hits_, [&](std::uint32_t key, const l7_hits &sum) {
        const std::uint32_t slot = key % L7_CLASSES_MAX;
        std::uint32_t classid = 0;
        if (sum.packets && bpf_map_lookup_elem(classes_, &slot, &classid) == 0)
            out.push_back({key / L7_CLASSES_MAX, classid, sum});
    });
    return out;
}

Result<void> Accounts::clear(unsigned slot) const {
    if (auto done =
            clear_range<l7_account>(protocols_, slot * 2 * L7_PROTOCOLS_MAX, 2 * L7_PROTOCOLS_MAX);
        !done)
        return done;
    if (auto done =
            clear_range<l7_hits>(class_hits_, slot * 2 * L7_CLASSES_MAX, 2 * L7_CLASSES_MAX);
        !done)
        return done;
    for (const AccountRow &row : applications())
        if (row.attach / 2 == slot) {
            const l7_account_app key{static_cast<std::uint16_t>(row.attach), row.number};
            bpf_map_delete_elem(apps_, &key);
        }
    return {};
}

} // namespace l7
