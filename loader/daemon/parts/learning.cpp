// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/learning.hpp"

#include <ctime>

namespace l7 {

namespace {
constexpr auto kPresumeSeconds =
    static_cast<std::uint32_t>(EndpointMemory::kLifeNs / 1'000'000'000);
}

void Learning::give(Catalog &catalog, const Catalog *before) {
    Knowledge &now = catalog.knowledge;

    if (before)
        now.keep_memory_of(before->knowledge);
    if (!now.hosts)
        now.hosts = std::make_shared<HostTable>(kernel_.hosts());
    if (!now.journal)
        now.journal = std::make_shared<Journal>();
    now.expect = catalog.config.expect;
    if (!now.expectations)
        now.expectations = std::make_shared<Expectations>(
            [this](const ExpectationEntry &entry, bool alive) { expected(entry, alive); },
            static_cast<std::uint32_t>(time(nullptr)) << 8); // not those of the process before
    if (!now.translation)
        now.translation = [this](const Parties &seen) { return translator_.original(seen); };
    if (!catalog.config.dns_hints)
        now.hints.reset();
    else if (!now.hints)
        now.hints = new_hints();
    if (!catalog.config.remember_servers) {
        now.endpoints.reset();
        kernel_.presume_nothing();
    } else if (!now.endpoints) {
        now.endpoints = new_endpoints();
    }
}

/// Called with the expectations held: it is awaited, or no longer.
void Learning::expected(const ExpectationEntry &entry, bool alive) const {
    const l7_expectation value = expectation_of(entry);
    kernel_.expect(entry.expected, alive ? &value : nullptr);
    if (entry.topic == ReplicaTable::kTopic)
        return; // its own node tells of it
    if (const auto sync = sync_.get())
        replicas_.tell(*sync, entry, alive);
}

std::shared_ptr<DnsHints> Learning::new_hints() const {
    return std::make_shared<DnsHints>(
        DnsHints::kSlots, [this](const auto &address, const auto &hint, std::uint32_t ttl_s) {
            if (const auto sync = sync_.get())
                replicas_.tell(*sync, address, hint, ttl_s);
        });
}

std::shared_ptr<EndpointMemory> Learning::new_endpoints() const {
    return std::make_shared<EndpointMemory>([this](const l7_endpoint &server, const auto &verdict) {
        if (verdict)
            kernel_.presume(server, verdict->protocol, verdict->application, kPresumeSeconds);
        else
            kernel_.presume(server, 0, 0, 0);
        if (const auto sync = sync_.get(); sync && verdict)
            replicas_.tell(*sync, server, *verdict);
    });
}

} // namespace l7
