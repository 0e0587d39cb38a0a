// SPDX-License-Identifier: GPL-2.0-or-later
// New flows through ring, worker and verdict: how many a second, how long each waits, how much
// memory stays.
#include "rig.hpp"

#include "core/flow/classifier.hpp"
#include "core/names/protocols.hpp"
#include "daemon/parts/worker.hpp"

#include <cstring>
#include <ctime>
#include <fstream>
#include <thread>

using namespace l7;
using namespace l7::bench;

namespace {

struct Patterns {
    std::shared_ptr<Protocols> protocols = std::make_shared<Protocols>();
    std::shared_ptr<const Database> database;

    Patterns() {
        auto library = load_patterns({L7_SOURCE_DIR "/patterns"});
        if (!library)
            die(library.error().message);
        protocols->add_built_in();
        std::vector<std::string> rejected;
        auto compiled = Database::compile(*library, *protocols, rejected);
        if (!compiled)
            die(compiled.error().message);
        database = *compiled;
    }
};

/// A DNS query of 200 bytes of payload, its padding in an EDNS0 option (RFC 7830).
test::Packet query_of(std::uint32_t number) {
    test::Packet out = packet_of(number);
    out.dport = 53;
    out.payload =
        test::hex("1234 0100 0001 0000 0000 0001 03777777 076578616d706c65 036f7267 00 0001 0001"
                  "00 0029 04d0 00000000 00a0 000c 009c");
    out.payload.resize(200);
    return out;
}

std::uint64_t resident_bytes() {
    std::ifstream in("/proc/self/statm");
    std::uint64_t total = 0, resident = 0;
    in >> total >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

struct Throughput {
    double kernel_ns, worker_ns;
    std::uint64_t decided, lost;
    double loader_bytes; ///< what each flow adds to it, once the first rounds have been
};

/// Room for a batch of rounds whose old entries are still there, in the daemon's proportion for
/// many flows.
std::uint32_t newcomers_for(std::uint32_t flows) {
    return std::max<std::uint32_t>(flows / 8, 32768);
}

/// One core does both sides in turn: fills the ring with new flows, then judges them. The packets'
/// own way into the kernel, which BPF_PROG_TEST_RUN's system call is not like, is not counted; the
/// program's run time is.
Throughput throughput(const Patterns &patterns, std::uint32_t flows) {
    const Rig rig(flows + flows / 4, newcomers_for(flows), 1 << 24);
    auto opened = rig.kernel->open_port(0);
    if (!opened)
        die(opened.error().message);
    WorkerPort port = std::move(*opened);
    port.flag->awake = 1; // this core reads the ring in its turn: nobody need be woken
    Classifier classifier;
    classifier.use({patterns.database, patterns.protocols});
    const std::uint32_t round = std::min<std::uint32_t>(8192, flows / 10);
    double kernel_ns = 0, worker_seconds = 0;
    std::vector<l7_verdict> retire;
    std::uint64_t decided = 0;
    std::uint64_t before = 0;

    const auto flush = [&] {
        if (port.batch->count && !rig.kernel->apply(0))
            die("verdicts cannot be applied");
        port.batch->count = 0;
    };
    for (std::uint32_t first = 0; first < flows; first += round) {
        for (std::uint32_t i = first; i < std::min(first + round, flows); i++)
            kernel_ns += run_ns(rig.program(), test::build(query_of(i)), 1);
        const auto start = Clock::now();
        retire.clear();
        for (Bytes record = port.ring.next(); !record.empty(); record = port.ring.next()) {
            l7_record head;
            std::memcpy(&head, record.data(), sizeof(head));
            const auto verdict =
                classifier.take({head, record.subspan(sizeof(head), head.size)}, head.time_ns);
            if (!verdict)
                continue;
            decided += verdict->protocol > L7_UNKNOWN;
            retire.push_back(*verdict);
            port.batch->verdicts[port.batch->count++] = *verdict;
            if (port.batch->count == L7_BATCH_MAX)
                flush();
        }
        flush();
        for (l7_verdict &one : retire) {
            one.op = L7_APPLY_RETIRE;
            port.batch->verdicts[port.batch->count++] = one;
            if (port.batch->count == L7_BATCH_MAX)
                flush();
        }
        flush();
        port.ring.commit();
        worker_seconds += seconds_since(start);
        if (first == 0)
            before = resident_bytes(); // what is allocated once has been
    }
    return {kernel_ns / flows, worker_seconds * 1e9 / flows, decided,
            rig.kernel->counters()->records_lost,
            static_cast<double>(resident_bytes() - before) / (flows - round)};
}

/// A real worker thread; new flows come at a steady pace from this one.
void latency(const Patterns &patterns, std::uint32_t per_second, std::uint32_t flows) {
    const Rig rig(flows + flows / 4, newcomers_for(flows));
    auto worker = Worker::start(*rig.kernel, 0, {}, {patterns.database, patterns.protocols},
                                [](const l7_verdict &) {});
    if (!worker)
        die(worker.error().message);
    std::vector<test::Buffer> packets;
    for (std::uint32_t i = 0; i < flows; i++)
        packets.push_back(test::build(query_of(i)));
    const auto start = Clock::now();
    for (std::uint32_t i = 0; i < flows; i++) {
        const auto due = start + std::chrono::nanoseconds(1'000'000'000ULL * i / per_second);
        while (Clock::now() < due) {
        }
        run_ns(rig.program(), packets[i], 1);
    }
    const double rate = flows / seconds_since(start);
    WorkerReport report;
    for (int i = 0; i < 500; i++) { // until the worker has published its last counts
        report = (*worker)->report();
        if (report.latency.count() >= flows)
            break;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    row("packet to visible verdict at " + number("%.0f", rate) + " new flows/s: median, p99, of " +
            std::to_string(report.latency.count()),
        "< " + std::to_string(report.latency.quantile(0.5)) + " us, < " +
            std::to_string(report.latency.quantile(0.99)) + " us",
        "50 us, 1,000 us");
}

} // namespace

int main() {
    const Patterns patterns;
    for (const std::uint32_t flows : {10'000U, 100'000U, 1'000'000U}) {
        const Throughput got = throughput(patterns, flows);
        const std::string of = "of " + std::to_string(flows) + ": ";
        row(of + "new flow, ns in the kernel, ns in the worker, flows/s on one core",
            number("%.0f", got.kernel_ns) + ", " + number("%.0f", got.worker_ns) + ", " +
                number("%.0f", 1e9 / (got.kernel_ns + got.worker_ns)),
            "150,000");
        row(of + "decided, lost records, loader bytes per decided flow",
            std::to_string(got.decided) + ", " + std::to_string(got.lost) + ", " +
                number("%.1f", got.loader_bytes),
            "all, 0, at most 64");
    }
    latency(patterns, 20'000, 100'000);
    for (const std::uint32_t flows : {10'000U, 100'000U, 1'000'000U}) {
        const Rig rig(flows, flows / 8);
        std::uint64_t bytes = 0;
        for (const auto &[name, charged] : rig.kernel->memory())
            if (name == "flows" || name == "newcomers")
                bytes += charged;
        row("kernel bytes per flow, both tables, for " + std::to_string(flows) + " flows",
            number("%.0f", static_cast<double>(bytes) / flows), "at most 320");
    }
    return 0;
}
