// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/knowledge.hpp"

namespace l7 {

namespace {
constexpr std::size_t kHosts = 65536;
}

void Knowledge::remember() {
    hosts = std::make_shared<HostTable>(kHosts);
    hints = std::make_shared<DnsHints>();
    endpoints = std::make_shared<EndpointMemory>();
    expectations = std::make_shared<Expectations>();
}

void Knowledge::keep_memory_of(const Knowledge &other) {
    hosts = other.hosts;
    hints = other.hints;
    endpoints = other.endpoints;
    journal = other.journal;
    expectations = other.expectations;
    translation = other.translation;
}

KnownNumbers Knowledge::numbers() const {
    KnownNumbers out;
    out.protocols = *protocols;
    out.applications = *application_numbers;
    return out;
}

void Knowledge::name(l7_verdict &verdict, const Facts &facts) const {
    if (applications && !facts.certificate.empty())
        verdict.application = applications->find_certificate(facts.certificate);
    if (facts.hostname.empty())
        return;
    verdict.host = hosts ? hosts->number(facts.hostname) : 0;
    if (applications)
        verdict.application = applications->find(facts.hostname);
}

Result<Knowledge> load_knowledge(const std::vector<std::filesystem::path> &directories,
                                 const KnownNumbers &known, std::vector<std::string> &rejected,
                                 std::vector<std::string> order) {
    auto library = load_patterns(directories);
    if (!library)
        return library.error();
    library->order = std::move(order);
    rejected.insert(rejected.end(), library->rejected.begin(), library->rejected.end());
    const auto protocols = std::make_shared<Protocols>(known.protocols);
    protocols->add_built_in();
    auto database = Database::compile(*library, *protocols, rejected);
    if (!database)
        return database.error();
    const auto numbers = std::make_shared<NameNumbers>(known.applications);
    const auto applications = std::make_shared<Applications>();
    applications->load(directories, *numbers, rejected);
    applications->bind(*protocols);
    return Knowledge{std::move(*database), protocols, applications, numbers};
}

} // namespace l7
