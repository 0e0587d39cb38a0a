// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/replica_table.hpp"

#include "core/base/clock.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <vector>

namespace l7 {

namespace {

/// The wall clock's moment on the monotonic one; what has passed is now.
std::uint64_t monotonic_of(std::uint64_t moment_ms) {
    const std::uint64_t now = wall_ms();
    return monotonic_ns() + (moment_ms > now ? (moment_ms - now) * 1'000'000 : 0);
}

std::uint64_t wall_of(std::uint64_t moment_ns) {
    const std::uint64_t now = monotonic_ns();
    return wall_ms() + (moment_ns > now ? (moment_ns - now) / 1'000'000 : 0);
}

ChildAddress address_of(const __be32 *words) {
    ChildAddress out;
    std::memcpy(out.data(), words, out.size());
    return out;
}

} // namespace

Clocks clocks_now(std::uint32_t tick) {
    return {tick, KernelState::ticks_per_second(), wall_ms()};
}

Result<std::size_t> ReplicaTable::put(std::span<const FlowState> flows) {
    const auto done = enter(flows);
    if (!done)
        return done.error();
    return done->entered;
}

Result<ReplicaTable::Entered> ReplicaTable::enter(std::span<const FlowState> flows) {
    const auto by = catalogs_.get();
    const Clocks clocks = clocks_now(kernel_.flows().tick());
    std::vector<l7_put> out;
    out.reserve(flows.size());
    for (const FlowState &state : flows) {
        auto flow = flow_of(state, by->knowledge, by->rules->digest(), clocks);
        if (!flow)
            continue;
        if (by->knowledge.expect.parents.contains(state.protocol))
            flow->flags |= L7_F_FOLLOW | L7_F_LISTEN;
        out.push_back({state.key, *flow});
    }
    const auto put = kernel_.flows().put(out);
    if (!put)
        return put.error();
    return Entered{put->entered, put->kept, put->failed, flows.size() - out.size()};
}

void ReplicaTable::gone(std::span<const l7_key> flows) {
    for (const l7_key &key : flows)
        kernel_.flows().withdraw(key);
}

Result<std::size_t> ReplicaTable::expect(std::span<const ExpectationState> expected) {
    const auto by = catalogs_.get();
    std::size_t entered = 0;
    for (const ExpectationState &state : expected) {
        const std::uint16_t protocol = by->knowledge.protocols->find(state.protocol);
        if (protocol <= L7_UNKNOWN)
            continue;
        by->knowledge.expectations->add(state.parent,
                                        {.source = state.source,
                                         .target = state.target,
                                         .sport = state.sport,
                                         .port = state.port,
                                         .l4 = state.l4},
                                        kTopic, {.protocol = protocol},
                                        monotonic_of(state.until_ms));
        entered++;
    }
    return entered;
}

void ReplicaTable::learn(const EndpointState &server) {
    const auto by = catalogs_.get();
    const std::uint16_t protocol = by->knowledge.protocols->find(server.protocol);
    const std::uint64_t now = wall_ms();
    if (protocol <= L7_UNKNOWN || !by->knowledge.endpoints || server.until_ms <= now)
        return;
    l7_endpoint of{};
    std::memcpy(of.addr, server.address.data(), sizeof(of.addr));
    of.port = htons(server.port);
    of.l4 = server.l4;
    kernel_.presume(of, protocol, by->knowledge.application_numbers->find(server.application),
                    static_cast<std::uint32_t>((server.until_ms - now) / 1000));
}

void ReplicaTable::learn(const HintState &hint) {
    const auto by = catalogs_.get();
    const std::uint64_t now = wall_ms();
    if (!by->knowledge.hints || hint.until_ms <= now)
        return;
    by->knowledge.hints->learn(hint.address,
                               {by->knowledge.hosts->number(hint.host),
                                by->knowledge.application_numbers->find(hint.application)},
                               static_cast<std::uint32_t>((hint.until_ms - now) / 1000),
                               monotonic_ns(), DnsHints::Seen::Elsewhere);
}

std::optional<FlowState> ReplicaTable::state(const l7_key &key) const {
    const auto flow = kernel_.flows().find(key);
    if (!flow)
        return std::nullopt;
    const auto by = catalogs_.get();
    return state_of(key, *flow, by->knowledge, by->rules->digest(),
                    clocks_now(kernel_.flows().tick()));
}

ExpectationState ReplicaTable::state(const ExpectationEntry &entry) const {
    return {.parent = entry.parent,
            .source = address_of(entry.expected.source),
            .target = address_of(entry.expected.target),
            .sport = entry.sport,
            .port = ntohs(entry.expected.port),
            .l4 = entry.expected.l4,
            .protocol = catalogs_.get()->knowledge.protocols->name(entry.verdict.protocol),
            .until_ms = wall_of(entry.expires_ns)};
}

std::string ReplicaTable::parent_protocol(const ExpectationEntry &entry) const {
    const auto parent = kernel_.flows().find(entry.parent);
    return parent ? catalogs_.get()->knowledge.protocols->name(parent->protocol) : std::string();
}

void ReplicaTable::tell(Replication &sync, const ExpectationEntry &entry, bool alive) const {
    if (alive)
        sync.expected(state(entry), parent_protocol(entry));
    else
        sync.expectation_ended(state(entry));
}

void ReplicaTable::tell(Replication &sync, const l7_endpoint &server,
                        const EndpointMemory::Verdict &verdict) const {
    const auto by = catalogs_.get();
    const Knowledge &knowledge = by->knowledge;
    sync.learnt(EndpointState{
        .address = address_of(server.addr),
        .port = ntohs(server.port),
        .l4 = server.l4,
        .protocol = knowledge.protocols->name(verdict.protocol),
        .application =
            verdict.application ? knowledge.application_numbers->name(verdict.application) : "",
        .until_ms = wall_ms() + EndpointMemory::kLifeNs / 1'000'000});
}

void ReplicaTable::tell(Replication &sync, const DnsHints::Address &address,
                        const DnsHints::Hint &hint, std::uint32_t ttl_s) const {
    const auto by = catalogs_.get();
    const Knowledge &knowledge = by->knowledge;
    sync.learnt(HintState{.address = address,
                          .host = knowledge.hosts->name(hint.host),
                          .application = hint.application
                                             ? knowledge.application_numbers->name(hint.application)
                                             : "",
                          .until_ms = wall_ms() + std::uint64_t{ttl_s} * 1000});
}

Result<void> ReplicaTable::walk(OwnStates &into) const {
    const auto by = catalogs_.get();
    auto walked = kernel_.flows().walk(FlowTables::Table::Flows, [&](const l7_flow_entry &entry) {
        into.flow(state_of(entry.key, entry.flow, by->knowledge, by->rules->digest(),
                           clocks_now(entry.now)),
                  (entry.flow.flags & L7_F_REPLICA) != 0);
        return true;
    });
    if (!walked)
        return walked;
    for (const ExpectationEntry &one : by->knowledge.expectations->list())
        if (one.topic != kTopic)
            into.expectation(state(one), parent_protocol(one));
    return {};
}

} // namespace l7
