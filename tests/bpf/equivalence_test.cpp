// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's path and the native one, fed the same packets, reach the same verdict on every flow.
#include "fixture.hpp"

#include "capture/offline.hpp"
#include "core/base/key.hpp"
#include "core/names/protocols.hpp"
#include "support/cases.hpp"

#include <random>
#include <tuple>

using namespace l7;
using namespace l7::test;

namespace {

/// What of a flow must agree.
using Outcome = std::tuple<std::uint16_t, std::uint8_t, std::uint16_t, std::uint64_t, std::uint64_t,
                           std::uint64_t, std::uint64_t>;
using Outcomes = std::map<std::string, Outcome>;

std::string text_of(const l7_key &key) {
    return std::string(reinterpret_cast<const char *>(&key), sizeof(key));
}

Outcome outcome_of(const l7_flow &flow) {
    return {flow.protocol,   flow.reason,   flow.verdict_packet, flow.packets[0],
            flow.packets[1], flow.bytes[0], flow.bytes[1]};
}

struct Patterns {
    std::shared_ptr<Protocols> protocols = std::make_shared<Protocols>();
    std::shared_ptr<const Database> database;

    Patterns() {
        auto library = load_patterns({L7_SOURCE_DIR "/patterns"});
        REQUIRE(library);
        protocols->add_built_in();
        std::vector<std::string> rejected;
        auto compiled = Database::compile(*library, *protocols, rejected);
        REQUIRE(compiled);
        database = *compiled;
    }
};

Outcomes in_kernel(const Patterns &patterns, const std::vector<Buffer> &packets) {
    Config config = State::small();
    config.flows = 65536; // an LRU table recycles before it is full
    config.newcomers = 65536;
    State state(config);
    const Programs programs(state);
    Classifier classifier;
    classifier.use({patterns.database, patterns.protocols});
    InlineWorker worker(state, &classifier);
    for (const Buffer &packet : packets) {
        programs.run(packet);
        worker.drain();
    }
    std::vector<l7_verdict> rest;
    classifier.finish(2'000'000'000, rest);
    for (const l7_verdict &verdict : rest)
        worker.apply({verdict});
    Outcomes out;
    for (const auto table : {FlowTables::Table::Flows, FlowTables::Table::Newcomers})
        for (const l7_flow_entry &entry : flows_in(state, table))
            out[text_of(entry.key)] = outcome_of(entry.flow);
    return out;
}

Outcomes natively(const Patterns &patterns, const std::vector<Buffer> &packets) {
    NativeLimits limits;
    Offline offline({patterns.database, patterns.protocols}, limits);
    for (const Buffer &packet : packets) // one instant, as for the kernel
        offline.packet(packet.data(), packet.size(), static_cast<std::uint32_t>(packet.size()),
                       1'000'000'000, false);
    offline.finish();
    Outcomes out;
    for (const NativeFlow &flow : offline.path().flows())
        out[text_of(flow.key)] = outcome_of(flow.flow);
    return out;
}

void compare(const Patterns &patterns, std::vector<Buffer> packets) {
    std::erase_if(packets, [](const Buffer &packet) { return !testable(packet); });
    REQUIRE(packets.size() > 100);
    const Outcomes kernel = in_kernel(patterns, packets), native = natively(patterns, packets);
    CHECK(kernel.size() == native.size());
    unsigned different = 0;
    for (const auto &[key, outcome] : native) {
        const auto found = kernel.find(key);
        if (found == kernel.end() || found->second != outcome) {
            l7_key raw;
            std::memcpy(&raw, key.data(), sizeof(raw));
            const End a = end_of(raw, 0), b = end_of(raw, 1);
            if (++different < 10)
                FAIL_CHECK(a.address
                           << ":" << a.port << " " << b.address << ":" << b.port << " native "
                           << patterns.protocols->name(std::get<0>(outcome)) << " kernel "
                           << (found == kernel.end()
                                   ? "nothing"
                                   : patterns.protocols->name(std::get<0>(found->second)))
                           << " packets " << std::get<3>(outcome) << "," << std::get<4>(outcome));
        }
    }
    CHECK(different == 0);
}

/// All cases, each conversation a flow of its own.
std::vector<std::vector<Buffer>> conversations() {
    std::vector<std::vector<Buffer>> out;
    unsigned salt = 0;
    for (const Case &one : load_cases(L7_SOURCE_DIR "/tests/cases"))
        out.push_back(packets_of(one, salt++));
    return out;
}

} // namespace

TEST_CASE("kernel and native verdicts are identical, flow by flow", "[equivalence]") {
    const Patterns patterns;
    const auto all = conversations();
    REQUIRE(all.size() > 100);

    SECTION("the cases as they are") {
        std::vector<Buffer> packets;
        for (const auto &one : all)
            packets.insert(packets.end(), one.begin(), one.end());
        compare(patterns, packets);
    }
    SECTION("shuffled, repeated, lost and damaged packets") {
        std::mt19937 random(7);
        std::vector<Buffer> packets;
        for (auto one : all) {
            for (std::size_t i = 0; i + 1 < one.size(); i++) {
                if (random() % 4 == 0)
                    std::swap(one[i], one[i + 1]);
                if (random() % 8 == 0)
                    one.push_back(one[random() % one.size()]);
            }
            for (Buffer &packet : one) {
                const auto what = random() % 10;
                if (what == 0)
                    continue; // lost
                if (what == 1)
                    packet[14 + random() % (packet.size() - 14)] ^=
                        static_cast<std::uint8_t>(1U << random() % 8);
                if (what == 2 && packet.size() > 60)
                    packet.resize(30 + random() % (packet.size() - 30));
                packets.push_back(packet);
            }
        }
        compare(patterns, packets);
    }
    SECTION("random bytes as packets") {
        std::mt19937 random(11);
        std::vector<Buffer> packets;
        for (int i = 0; i < 3000; i++) {
            Buffer packet(14 + random() % 200);
            for (std::uint8_t &byte : packet)
                byte = static_cast<std::uint8_t>(random());
            packet[12] = 0x08;
            packet[13] = 0x00;
            if (random() % 2) { // a header that is nearly good
                packet.resize(std::max<std::size_t>(packet.size(), 60));
                packet[14] = static_cast<std::uint8_t>(0x45 + (random() % 8 == 0));
                packet[16] = 0;
                packet[17] = static_cast<std::uint8_t>(packet.size() - 14 + random() % 3 - 1);
                packet[20] = packet[21] = 0;
                packet[23] = std::array<std::uint8_t, 4>{6, 17, 132, 1}[random() % 4];
            }
            packets.push_back(packet);
        }
        compare(patterns, packets);
    }
}
