// SPDX-License-Identifier: GPL-2.0-or-later
// All that flows are judged by: what was loaded, and what was learnt. What is null is done without.
#pragma once

#include "core/expect/listener.hpp"
#include "core/flow/journal.hpp"
#include "core/match/database.hpp"
#include "core/names/applications.hpp"
#include "core/names/dns_hints.hpp"
#include "core/names/endpoint_memory.hpp"
#include "core/names/host_table.hpp"
#include "core/names/protocols.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace l7 {

/// Numbers that are given already, as pinned maps hold them.
struct KnownNumbers {
    Protocols protocols;
    NameNumbers applications{1, L7_APPLICATIONS_MAX};
};

struct Knowledge {
    std::shared_ptr<const Database> database;
    std::shared_ptr<const Protocols> protocols;
    std::shared_ptr<const Applications> applications = {};
    std::shared_ptr<const NameNumbers> application_numbers = {};
    std::shared_ptr<HostTable> hosts = {};
    std::shared_ptr<DnsHints> hints = {};
    std::shared_ptr<EndpointMemory> endpoints = {};
    std::shared_ptr<Journal> journal = {};
    std::shared_ptr<Expectations> expectations = {};

    ExpectOptions expect = ExpectOptions::defaults();
    Translation translation = {};

    bool only_patterns = false; ///< see JudgeLimits
    bool loose = true;          ///< the same

    /// Memory of its own for what is learnt.
    void remember();

    /// Goes on with what another learnt.
    void keep_memory_of(const Knowledge &other);

    KnownNumbers numbers() const;

    /// Host and application of a flow of which these facts were found.
    void name(l7_verdict &verdict, const Facts &facts) const;
};

/// Loads and compiles what the directories hold; what is left out is added to `rejected` as
/// `file:line: what`. l7-filter's patterns are asked in the order of `order`, names of protocols.
Result<Knowledge> load_knowledge(const std::vector<std::filesystem::path> &directories,
                                 const KnownNumbers &known, std::vector<std::string> &rejected,
                                 std::vector<std::string> order = {});

} // namespace l7
