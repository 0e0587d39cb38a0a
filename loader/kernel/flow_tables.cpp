// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/flow_tables.hpp"

#include "bpf/control.skel.h"
#include "core/base/fd.hpp"
#include "kernel/error.hpp"
#include "kernel/mapping.hpp"

#include <algorithm>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

namespace l7 {

Result<void> FlowTables::open(control_bpf &programs) {
    programs_ = &programs;
    auto mapped = map_memory_of(bpf_map__fd(programs.maps.puts), sizeof(l7_puts));
    if (!mapped)
        return mapped.error();
    puts_map_ = std::move(*mapped);
    return {};
}

bpf_map *FlowTables::map_of(Table table) const {
    return table == Table::Flows ? programs_->maps.flows : programs_->maps.newcomers;
}

Result<FlowTables::Put> FlowTables::put(std::span<const l7_put> flows) {
    const std::lock_guard lock(putting_);
    auto &batch = *reinterpret_cast<l7_puts *>(puts_map_.data());
    Put out;

    while (!flows.empty()) {
        const auto now = flows.first(std::min<std::size_t>(flows.size(), L7_PUT_MAX));
        LIBBPF_OPTS(bpf_test_run_opts, options);
        std::ranges::copy(now, batch.flows);
        batch.count = static_cast<std::uint32_t>(now.size());
        if (const int failure =
                bpf_prog_test_run_opts(bpf_program__fd(programs_->progs.l7_put), &options);
            failure)
            return kernel_error("entering flows", failure);
        out.entered += batch.entered;
        out.kept += batch.kept;
        out.failed += batch.failed;
        flows = flows.subspan(now.size());
    }
    return out;
}

std::uint32_t FlowTables::tick() const {
    const std::lock_guard lock(putting_);
    auto &batch = *reinterpret_cast<l7_puts *>(puts_map_.data());
    LIBBPF_OPTS(bpf_test_run_opts, options);
    batch.count = 0;
    bpf_prog_test_run_opts(bpf_program__fd(programs_->progs.l7_put), &options);
    return batch.tick;
}

void FlowTables::withdraw(const l7_key &key) const {
    const auto flow = find(key);
    if (flow && flow->flags & L7_F_REPLICA)
        bpf_map_delete_elem(bpf_map__fd(programs_->maps.flows), &key);
}

std::optional<l7_flow> FlowTables::find(const l7_key &key) const {
    l7_flow out;
    if (bpf_map_lookup_elem(bpf_map__fd(programs_->maps.flows), &key, &out) != 0)
        return std::nullopt;
    return out;
}

Result<void>
FlowTables::read_iterator(const char *program, Table table,
                          const std::function<bool(const l7_flow_entry &)> &each) const {
    bpf_iter_link_info target{};
    LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &target,
                .link_info_len = sizeof(target));
    target.map.map_fd = static_cast<std::uint32_t>(bpf_map__fd(map_of(table)));

    bpf_link *link = bpf_program__attach_iter(
        bpf_object__find_program_by_name(programs_->obj, program), &options);
    if (!link)
        return kernel_error(std::string("attaching the iterator ") + program, -errno);
    const Fd iterator(bpf_iter_create(bpf_link__fd(link)));
    const int failure = errno;
    bpf_link__destroy(link);
    if (!iterator)
        return kernel_error(std::string("starting the iterator ") + program, -failure);

    std::vector<std::uint8_t> buffer(1 << 16);
    std::size_t kept = 0;
    for (;;) {
        const ssize_t got = read(iterator.get(), buffer.data() + kept, buffer.size() - kept);
        if (got < 0) {
            if (errno == EINTR || errno == EAGAIN)
                continue;
            return kernel_error(std::string("reading the iterator ") + program, -errno);
        }
        if (got == 0)
            return {};
        const std::size_t have = kept + static_cast<std::size_t>(got);
        std::size_t at = 0;
        for (; at + sizeof(l7_flow_entry) <= have; at += sizeof(l7_flow_entry)) {
            l7_flow_entry entry;
            std::memcpy(&entry, buffer.data() + at, sizeof(entry));
            if (!each(entry))
                return {};
        }
        kept = have - at;
        std::memmove(buffer.data(), buffer.data() + at, kept);
    }
}

Result<void> FlowTables::walk(Table table,
                              const std::function<bool(const l7_flow_entry &)> &each) const {
    return read_iterator("l7_dump", table, each);
}

Result<void> FlowTables::sweep(Table table,
                               const std::function<void(const l7_flow_entry &)> &each) const {
    const auto which = static_cast<std::size_t>(table);
    programs_->bss->l7_swept[which] = 0;
    auto swept = read_iterator(table == Table::Flows ? "l7_sweep_flows" : "l7_sweep_newcomers",
                               table, [&](const l7_flow_entry &entry) {
                                   each(entry);
                                   return true;
                               });
    entries_[which] = programs_->bss->l7_swept[which];
    return swept;
}

std::uint64_t FlowTables::entries(Table table) const {
    return entries_[static_cast<std::size_t>(table)];
}

std::uint64_t FlowTables::room(Table table) const {
    return bpf_map__max_entries(map_of(table));
}

} // namespace l7
