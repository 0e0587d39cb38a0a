// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/host_ranking.hpp"
#include "daemon/answers/answers.hpp"
#include "daemon/answers/parts.hpp"
#include "daemon/parts/catalog.hpp"
#include "kernel/state.hpp"
#include "metrics/top_hosts.hpp"

#include <chrono>
#include <future>
#include <random>
#include <sys/resource.h>

namespace l7 {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kWalkMost = std::chrono::seconds(1);
constexpr unsigned kLookEvery = 256; // flows between two looks at the clock
constexpr int kNice = 10;

/// False: the time was over.
Result<bool> walk(const KernelState &kernel, HostRanking &ranking) {
    const auto end = Clock::now() + kWalkMost;
    bool complete = true;
    const auto each = [&](const l7_flow_entry &entry) {
        ranking.add(entry);
        complete = ranking.flows() % kLookEvery != 0 || Clock::now() < end;
        return complete;
    };
    for (const auto table : {FlowTables::Table::Flows, FlowTables::Table::Newcomers})
        if (complete)
            if (auto walked = kernel.flows().walk(table, each); !walked)
                return walked.error();
    return complete;
}

std::vector<TopHost> named(const std::vector<RankedHost> &hosts, const HostTable &names) {
    std::vector<TopHost> out;
    out.reserve(hosts.size());
    for (const RankedHost &host : hosts)
        out.push_back(
            {address_text(host), names.name(host.name), host.bytes_per_s, host.bytes, host.flows});
    return out;
}

} // namespace

Result<HostsReport> walk_hosts(const Parts &parts) {
    const auto start = Clock::now();
    std::random_device random;
    HostRanking ranking(KernelState::ticks_per_second(), std::uint64_t{random()} << 32 | random());
    // In a thread of its own: the nice value would stay with the one that asks. Nothing that
    // workers wait for is locked there.
    const auto complete = std::async(std::launch::async, [&] {
                              setpriority(PRIO_PROCESS, 0, kNice); // this thread's alone, on Linux
                              return walk(parts.kernel, ranking);
                          }).get();
    if (!complete)
        return complete.error();
    const auto catalog = parts.catalogs.get();
    const HostTable &names = *catalog->knowledge.hosts;
    HostsReport out;
    out.by_rate = named(ranking.top(HostRanking::By::Rate), names);
    out.by_bytes = named(ranking.top(HostRanking::By::Amount), names);
    out.flows = ranking.flows();
    out.forgotten = ranking.forgotten();
    out.complete = *complete;
    out.took_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count());
    return out;
}

} // namespace l7
