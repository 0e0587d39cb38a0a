// SPDX-License-Identifier: GPL-2.0-or-later
// From newcomer to verdict, and what must survive: counts, known flows, state over restarts.
#include "fixture.hpp"
#include "support/rules.hpp"

#include <thread>

using namespace l7;
using namespace l7::test;

namespace {

constexpr std::uint16_t kProtocol = L7_PROTOCOL_FIRST;

Packet flow_packet(unsigned number, std::uint8_t l4 = 17) {
    Packet out;
    out.l4 = l4;
    out.sport = static_cast<std::uint16_t>(1024 + number % 60000);
    out.source = "192.0.2." + std::to_string(1 + number / 60000 % 250);
    out.payload = bytes_of("first payload");
    return out;
}

l7_verdict verdict_on(const l7_flow_entry &entry, std::uint16_t protocol = kProtocol) {
    l7_verdict out{};
    out.key = entry.key;
    out.protocol = protocol;
    out.packet = 1;
    out.reason = L7_REASON_PATTERN;
    out.born = entry.flow.born;
    return out;
}

} // namespace

TEST_CASE("a verdict is in force with the next packet and loses no count") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    std::vector<std::pair<std::string, std::vector<std::string>>> names;
    for (std::uint16_t n = L7_PROTOCOL_FIRST; n <= kProtocol; n++)
        names.emplace_back("p" + std::to_string(n), std::vector<std::string>{});
    const Knowledge knowledge = knowledge_of(names);
    Rule rule;
    rule.protocols = {names.back().first};
    rule.mark = 0x1200;
    rule.classid = 0x10010;
    REQUIRE(state.kernel->rules().set(tables_of({rule}, knowledge), {}, {}));

    const Buffer packet = build(flow_packet(1));
    programs.run(packet);
    programs.run(packet);
    const auto before = flows_in(state, FlowTables::Table::Newcomers);
    REQUIRE(before.size() == 1);
    CHECK(account_of(state, 0, L7_UNSET).flows == 1);
    CHECK(worker.apply({verdict_on(before[0])}) == 1);

    __sk_buff skb{};
    programs.run(packet, L7_INGRESS, &skb);
    CHECK(skb.mark == 0x1200);
    CHECK(skb.priority == 0x10010);
    const auto after = flows_in(state, FlowTables::Table::Flows);
    REQUIRE(after.size() == 1);
    CHECK(after[0].flow.packets[0] == 3);
    CHECK(after[0].flow.bytes[0] == 3 * packet.size());
    CHECK(after[0].flow.protocol == kProtocol);
    CHECK(after[0].flow.reason == L7_REASON_PATTERN);
    CHECK(account_of(state, 0, L7_UNSET).flows == 0);
    CHECK(account_of(state, 0, kProtocol).flows == 1);
    CHECK(account_of(state, 0, kProtocol).packets == 1);
    CHECK(
        flows_in(state, FlowTables::Table::Newcomers).empty()); // the old entry is not shown twice

    l7_verdict retire = verdict_on(before[0]);
    retire.op = L7_APPLY_RETIRE;
    worker.apply({retire});
    CHECK(flows_in(state, FlowTables::Table::Flows)[0].flow.packets[0] == 3);
    programs.run(packet);
    CHECK(flows_in(state, FlowTables::Table::Flows)[0].flow.packets[0] == 4);
}

TEST_CASE("the first verdict stays; one on a flow that left is counted") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    programs.run(build(flow_packet(1)));
    const auto entry = flows_in(state, FlowTables::Table::Newcomers).at(0);
    CHECK(worker.apply({verdict_on(entry)}) == 1);
    CHECK(worker.apply({verdict_on(entry, kProtocol + 1)}) == 0);
    CHECK(flows_in(state, FlowTables::Table::Flows).at(0).flow.protocol == kProtocol);
    CHECK(state.kernel->counters()->verdicts_late == 1);

    l7_verdict stale = verdict_on(entry);
    stale.key.port[0] = 1;
    CHECK(worker.apply({stale}) == 0);
    CHECK(state.kernel->counters()->verdicts_missing == 1);
}

TEST_CASE("unknown stays among newcomers and asks no more") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    programs.run(build(flow_packet(1)));
    CHECK(worker.drain() == 1);
    worker.apply({verdict_on(flows_in(state, FlowTables::Table::Newcomers).at(0), L7_UNKNOWN)});
    programs.run(build(flow_packet(1)));
    CHECK(worker.drain() == 0);
    const auto flows = flows_in(state, FlowTables::Table::Newcomers);
    REQUIRE(flows.size() == 1);
    CHECK(flows[0].flow.protocol == L7_UNKNOWN);
    CHECK(account_of(state, 0, L7_UNKNOWN).packets == 1);
    CHECK(flows_in(state, FlowTables::Table::Flows).empty());
}

TEST_CASE("a flood of new flows evicts no flow that has a verdict") {
    Config config = State::small();
    config.flows = 1024;
    config.newcomers = 512;
    State state(config);
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    constexpr unsigned kKnown = 200;

    for (unsigned i = 0; i < kKnown; i++) {
        programs.run(build(flow_packet(i)));
        std::vector<l7_verdict> verdicts;
        for (const l7_flow_entry &entry : flows_in(state, FlowTables::Table::Newcomers))
            verdicts.push_back(verdict_on(entry));
        worker.apply(verdicts);
        for (l7_verdict &verdict : verdicts)
            verdict.op = L7_APPLY_RETIRE;
        worker.apply(verdicts);
        worker.drain();
    }
    REQUIRE(flows_in(state, FlowTables::Table::Flows).size() == kKnown);
    for (unsigned i = 0; i < 50'000; i++)
        programs.run(build(flow_packet(1000 + i)));
    CHECK(flows_in(state, FlowTables::Table::Flows).size() == kKnown);
    CHECK(flows_in(state, FlowTables::Table::Newcomers).size() <= 512);
    CHECK(state.kernel->counters()->newcomers_failed == 0);
}

TEST_CASE("a full ring is counted and the flow gets another chance") {
    Config config = State::small();
    config.ring_bytes = 65536;
    State state(config);
    const Programs programs(state);
    unsigned sent = 0;
    while (state.kernel->counters()->records_lost == 0) {
        programs.run(build(flow_packet(sent++)));
        REQUIRE(sent < 1000);
    }
    InlineWorker worker(state, nullptr);
    CHECK(worker.drain() == sent - 1);
    programs.run(build(flow_packet(sent - 1)));
    CHECK(worker.drain() == 1);
}

TEST_CASE("records that were read but not finished are read again") {
    State state;
    const Programs programs(state);
    programs.run(build(flow_packet(1)));
    {
        auto port = state.kernel->open_port(0);
        REQUIRE(port);
        CHECK_FALSE(port->ring.next().empty());
    } // gone without commit, as if killed
    InlineWorker worker(state, nullptr);
    CHECK(worker.drain() == 1);
    InlineWorker next(state, nullptr);
    CHECK(next.drain() == 0);
}

TEST_CASE("the wake-up flag and the ring's position tell a worker when to sleep") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    CHECK(worker.port().ring.waiting() == 0);
    programs.run(build(flow_packet(1)));
    CHECK(worker.port().ring.waiting() > 0);
    worker.drain();
    CHECK(worker.port().ring.waiting() == 0);
}

TEST_CASE("payload of every size class arrives whole") {
    State state;
    const Programs programs(state);
    unsigned number = 0;
    for (const std::size_t size :
         {1UL, 247UL, 248UL, 249UL, 696UL, 697UL, 1528UL, 1529UL, 2900UL, 3400UL}) {
        Packet packet = flow_packet(number++);
        packet.payload.resize(size);
        for (std::size_t i = 0; i < size; i++)
            packet.payload[i] = static_cast<std::uint8_t>(i * 7 + size);
        programs.run(build(packet));
        auto port = state.kernel->open_port(0);
        REQUIRE(port);
        const Bytes record = port->ring.next();
        INFO("size " << size);
        REQUIRE(record.size() >= sizeof(l7_record) + size);
        l7_record head;
        std::memcpy(&head, record.data(), sizeof(head));
        CHECK(head.size == size);
        CHECK(std::equal(packet.payload.begin(), packet.payload.end(),
                         record.begin() + sizeof(head)));
        port->ring.commit();
    }
}

TEST_CASE("a closed flow's ports can be used again") {
    State state;
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    Packet packet = flow_packet(1, 6);
    packet.flags = 0x02;
    packet.payload.clear();
    programs.run(build(packet));
    worker.apply({verdict_on(flows_in(state, FlowTables::Table::Newcomers).at(0))});
    packet.flags = 0x11; // FIN
    programs.run(build(packet));
    CHECK(flows_in(state, FlowTables::Table::Flows).size() == 1);
    packet.flags = 0x02; // SYN: another connection
    programs.run(build(packet));
    CHECK(flows_in(state, FlowTables::Table::Flows).empty());
    CHECK(state.kernel->counters()->flows_restarted >= 1);
}

TEST_CASE("idle flows leave and are handed out once") {
    Config config = State::small();
    config.timeouts.udp_unreplied = 1;
    State state(config);
    const Programs programs(state);
    InlineWorker worker(state, nullptr);
    programs.run(build(flow_packet(1)));
    programs.run(build(flow_packet(2)));
    worker.apply({verdict_on(flows_in(state, FlowTables::Table::Newcomers).at(0))});
    unsigned ended = 0;
    const auto count = [&](const l7_flow_entry &entry) {
        CHECK(entry.ended == 1);
        ended++;
    };
    // Idle time passes only with time.
    for (int i = 0; i < 100 && ended < 2; i++) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        REQUIRE(state.kernel->flows().sweep(FlowTables::Table::Flows, count));
        REQUIRE(state.kernel->flows().sweep(FlowTables::Table::Newcomers, count));
    }
    CHECK(ended == 2);
    CHECK(flows_in(state, FlowTables::Table::Flows).empty());
    CHECK(flows_in(state, FlowTables::Table::Newcomers).empty());
    CHECK(state.kernel->counters()->expired_flows == 1);
}

TEST_CASE("a walk sees every flow of a large table") {
    Config config = State::small();
    config.newcomers = 65536;
    State state(config);
    const Programs programs(state);
    for (unsigned i = 0; i < 20'000; i++)
        programs.run(build(flow_packet(i)));
    CHECK(flows_in(state, FlowTables::Table::Newcomers).size() == 20'000);
}

TEST_CASE("a restart adopts flows, verdicts, counters and names") {
    State state;
    {
        const Programs programs(state);
        InlineWorker worker(state, nullptr);
        programs.run(build(flow_packet(1)));
        worker.apply({verdict_on(flows_in(state, FlowTables::Table::Newcomers).at(0))});
        Protocols protocols;
        CHECK(protocols.number("first") == kProtocol);
        REQUIRE(state.kernel->store_names("protocols", protocols));
    }
    CHECK_FALSE(state.adopted);
    state.kernel.reset();
    state.config.flows = 8192; // a pinned table keeps its size
    state.config.workers = 4;  // and the rings their number
    state.open();
    CHECK(state.adopted);
    CHECK(state.kernel->shards() == 1);
    const auto flows = flows_in(state, FlowTables::Table::Flows);
    REQUIRE(flows.size() == 1);
    CHECK(flows[0].flow.protocol == kProtocol);
    CHECK(state.kernel->counters()->verdicts == 1);
    Protocols protocols;
    REQUIRE(state.kernel->restore_names("protocols", protocols));
    CHECK(protocols.find("first") == kProtocol);
}

TEST_CASE("state of another ABI is refused and left alone") {
    State state;
    const std::string directory = pin_directory();
    bool adopted = false;

    SECTION("the number differs") {
        const int fd = bpf_obj_get((directory + "/settings").c_str());
        REQUIRE(fd >= 0);
        l7_settings settings{};
        const __u32 zero = 0;
        REQUIRE(bpf_map_lookup_elem(fd, &zero, &settings) == 0);
        settings.abi = L7_ABI + 1;
        REQUIRE(bpf_map_update_elem(fd, &zero, &settings, BPF_ANY) == 0);
        close(fd);
    }
    SECTION("a size differs") {
        REQUIRE(unlink((directory + "/flows").c_str()) == 0);
        const int fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "flows", 40, 72, 1024, nullptr);
        REQUIRE(fd >= 0);
        REQUIRE(bpf_obj_pin(fd, (directory + "/flows").c_str()) == 0);
        close(fd);
    }
    const auto refused = KernelState::open(directory, state.config, adopted);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("another l7ctl") != std::string::npos);
    CHECK(refused.error().hint.find("--discard-state") != std::string::npos);
    CHECK(access((directory + "/flows").c_str(), F_OK) == 0);
}

TEST_CASE("a removed pin is put back") {
    State state;
    const std::string path = pin_directory() + "/flows";
    REQUIRE(unlink(path.c_str()) == 0);
    CHECK(state.kernel->repair_pins() == std::vector<std::string>{path});
    CHECK(access(path.c_str(), F_OK) == 0);
    CHECK(state.kernel->repair_pins().empty());
}

TEST_CASE("kernel memory per flow") {
    Config config = State::small();
    config.flows = 131072;
    config.newcomers = 16384;
    State state(config);
    std::uint64_t bytes = 0;
    for (const auto &[name, charged] : state.kernel->memory())
        if (name == "flows" || name == "newcomers")
            bytes += charged;
    CHECK(bytes > 0);
    CHECK(bytes / config.flows <= 320);
}
