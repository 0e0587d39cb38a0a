// SPDX-License-Identifier: GPL-2.0-or-later
// Conversations as they were captured, and damaged: every packet cut at every tenth byte, with
// random bits flipped, and by a clock that stands still. Whatever comes in, each flow gets its
// verdict, each packet is counted, no limit is passed, and the same packets lead to the same
// verdicts. Built with the sanitizers it shows reads beyond a packet's end too: each packet lies in
// a heap block of just its size.
//
// Takes captures and directories of them; the conversations in tests/cases are always among them.
#include "capture/capture_file.hpp"
#include "capture/offline.hpp"
#include "support/cases.hpp"

#include <l7ctl/packet.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

using namespace l7;
namespace fs = std::filesystem;

/// Of the sanitizers' runtime; null without it.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

constexpr std::size_t kPackets = 2000;         ///< of a capture, where no option says otherwise
constexpr std::size_t kCutStep = 10;           ///< bytes
constexpr std::size_t kCutMax = 1600;          ///< cuts further on are not made
constexpr std::size_t kRepeatStep = 100;       ///< cuts at multiples of it are run twice
constexpr unsigned kRates[] = {20, 200, 2000}; ///< one bit of so many is flipped, on average
constexpr unsigned kSeeds = 4;                 ///< rounds of flipping with each rate
constexpr std::uint64_t kSeed = 20'240'607;
constexpr unsigned kThreads = 2;

struct Packet {
    std::vector<std::uint8_t> data;
    std::uint32_t wire_size;
    std::uint64_t time_ns;
    bool l3;
};

struct Capture {
    std::string name;
    std::vector<Packet> packets = {};
    std::size_t longest = 0;
    std::size_t left_out = 0; ///< packets over the budget

    void add(Packet packet, std::size_t budget) {
        if (packets.size() >= budget) {
            left_out++;
            return;
        }
        longest = std::max(longest, packet.data.size());
        packets.push_back(std::move(packet));
    }
};

struct Mangling {
    std::size_t cut = SIZE_MAX;
    bool cut_wire = false; ///< as if the packet had never been longer
    unsigned rate = 0;     ///< 0: nothing is flipped
    bool headers = false;  ///< they are flipped in too, not in the payload only
    std::uint64_t seed = 0;
    bool stopped = false; ///< all at one time, as a coarse clock has it
    bool twice = true;    ///< must lead to the same again

    std::string text() const {
        if (rate)
            return "1 of " + std::to_string(rate) + " bits flipped, headers " +
                   (headers ? "included" : "excluded") + ", seed " + std::to_string(seed);
        if (stopped)
            return "all at one time";
        if (cut == SIZE_MAX)
            return "as it is";
        return "cut at " + std::to_string(cut) + (cut_wire ? ", wire size too" : "");
    }
};

std::vector<Mangling> manglings_of(const Capture &capture) {
    std::vector<Mangling> out = {{}, {.stopped = true}};
    for (std::size_t cut = 0; cut < capture.longest && cut <= kCutMax; cut += kCutStep)
        for (const bool cut_wire : {false, true})
            out.push_back({.cut = cut, .cut_wire = cut_wire, .twice = cut % kRepeatStep == 0});
    for (const unsigned rate : kRates)
        for (const bool headers : {true, false})
            for (unsigned seed = 0; seed < kSeeds; seed++)
                out.push_back({.rate = rate, .headers = headers, .seed = kSeed + seed});
    return out;
}

/// Where the payload begins; the end where there is none to be found.
std::size_t payload_of(const Packet &packet) {
    l7_packet parsed;
    l7_fragment_key datagram;
    // A packet without bytes lies somewhere, too.
    static const auto kNothing = std::make_unique<std::uint8_t[]>(0);
    const std::uint8_t *data = packet.data.empty() ? kNothing.get() : packet.data.data();
    const std::size_t size = packet.data.size();
    const auto result =
        l7_parse_packet(data, data + size, packet.wire_size, packet.l3, &parsed, &datagram);
    return result == L7_PARSE_OK || result == L7_PARSE_FRAGMENT
               ? std::min<std::size_t>(parsed.headers_size, size)
               : size;
}

void feed(Offline &offline, const Capture &capture, const Mangling &how) {
    std::mt19937_64 random(how.seed);
    for (const Packet &packet : capture.packets) {
        const std::size_t size = std::min(packet.data.size(), how.cut);
        const auto exact = std::make_unique<std::uint8_t[]>(size);
        std::copy_n(packet.data.begin(), size, exact.get());
        if (how.rate)
            for (std::size_t bit =
                     (how.headers ? 0 : payload_of(packet) * 8) + random() % (2ULL * how.rate);
                 bit < size * 8; bit += 1 + random() % (2ULL * how.rate))
                exact[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
        offline.packet(exact.get(), size,
                       how.cut_wire ? static_cast<std::uint32_t>(size) : packet.wire_size,
                       how.stopped ? capture.packets.front().time_ns : packet.time_ns, packet.l3);
    }
    offline.finish();
}

/// Memory that no other run has seen, and so little of it that entries must make room.
Knowledge with_new_memory(Knowledge knowledge) {
    knowledge.hosts = std::make_shared<HostTable>(64);
    knowledge.hints = std::make_shared<DnsHints>(256);
    knowledge.endpoints = std::make_shared<EndpointMemory>(EndpointMemory::Publish{}, 256);
    knowledge.journal = std::make_shared<Journal>(64);
    return knowledge;
}

/// What is wrong with a flow; "" where nothing is.
std::string wrong_flow(const NativeFlow &one, const Knowledge &knowledge) {
    const l7_flow &flow = one.flow;
    const NativeLimits limits;
    const std::uint64_t packets = flow.packets[0] + flow.packets[1];
    if (packets == 0)
        return "a flow without packets";
    for (const unsigned way : {0U, 1U})
        if (flow.next[way] > limits.sample_bytes || flow.samples[way] > 2 * limits.sample_packets)
            return "more was sampled than the limits say";
    if (flow.protocol == L7_UNSET)
        return flow.reason == L7_REASON_NONE ? "" : "a reason without a verdict";
    if (knowledge.protocols->name(flow.protocol).empty())
        return "a protocol without a name";
    if (flow.reason == L7_REASON_NONE || flow.reason >= L7_REASONS)
        return "a verdict without a reason";
    if (flow.flags & L7_F_PROVISIONAL)
        return "";
    if (flow.verdict_packet == 0 || flow.verdict_packet > packets)
        return "a verdict at packet " + std::to_string(flow.verdict_packet) + " of " +
               std::to_string(packets);
    return flow.verdict_sample > flow.verdict_packet ? "more payload packets than packets" : "";
}

/// The same of the counters.
std::string wrong_counters(const Offline &offline, std::size_t packets) {
    const l7_counters &path = offline.path().counters();
    const ClassifierCounters &classifier = offline.classifier().counters();
    std::uint64_t counted = path.not_ip + path.mpls_unsupported + path.truncated_link +
                            path.truncated_ip + path.truncated_transport + path.bad_ip_version +
                            path.bad_ip_length + path.bad_tcp_offset + path.bad_udp_length +
                            path.headers_too_deep + path.fragments_orphan;
    for (const NativeFlow &one : offline.path().flows())
        counted += one.flow.packets[0] + one.flow.packets[1];
    if (counted != packets)
        return std::to_string(counted) + " packets are counted, not " + std::to_string(packets);
    if (path.flows_created != offline.path().flows().size())
        return "flows are miscounted";
    if (path.records != classifier.samples)
        return "samples are miscounted";
    const std::uint64_t given = classifier.judged + classifier.given_up;
    const std::uint64_t taken = path.verdicts + path.verdicts_late;
    if (given < taken || given > taken + path.verdicts_missing)
        return std::to_string(given) + " verdicts given, " + std::to_string(taken) + " taken and " +
               std::to_string(path.verdicts_missing) + " lost";
    return offline.classifier().flows() ? "flows are left without a verdict" : "";
}

std::string wrong(const Offline &offline, std::size_t packets, const Knowledge &knowledge) {
    std::string out = wrong_counters(offline, packets);
    const auto &flows = offline.path().flows();
    for (auto at = flows.begin(); out.empty() && at != flows.end(); ++at) {
        out = wrong_flow(*at, knowledge);
        if (at->flow.protocol == L7_UNSET && at->flow.next[0] + at->flow.next[1] != 0 &&
            std::none_of(at + 1, flows.end(), [&](const NativeFlow &later) {
                return KeyEqual()(later.key, at->key); // which took its place before it was judged
            }))
            out = "a flow with payload and without a verdict";
    }
    return out;
}

bool same(const Offline &a, const Offline &b) {
    return std::ranges::equal(a.path().flows(), b.path().flows(),
                              [](const NativeFlow &one, const NativeFlow &other) {
                                  return KeyEqual()(one.key, other.key) &&
                                         std::memcmp(&one.flow, &other.flow, sizeof(one.flow)) == 0;
                              });
}

/// What this thread is at, for the sanitizers' report.
thread_local const Capture *capture_at_hand = nullptr;
thread_local const Mangling *mangling_at_hand = nullptr;

void say_what_died() {
    if (capture_at_hand && mangling_at_hand)
        std::fprintf(stderr, "FAIL %s: %s: see the sanitizer's report\n",
                     capture_at_hand->name.c_str(), mangling_at_hand->text().c_str());
}

struct Totals {
    std::atomic<std::size_t> next = 0, runs = 0, packets = 0, flows = 0, failures = 0;
    std::mutex printing;
};

void work(const std::vector<Capture> &captures, const Knowledge &loaded, Totals &totals) {
    for (std::size_t at = totals.next++; at < captures.size(); at = totals.next++) {
        const Capture &capture = captures[at];
        for (const Mangling &how : manglings_of(capture)) {
            capture_at_hand = &capture;
            mangling_at_hand = &how;
            Offline offline(with_new_memory(loaded));
            feed(offline, capture, how);
            std::string what = wrong(offline, capture.packets.size(), loaded);
            if (how.twice) {
                Offline again(with_new_memory(loaded));
                feed(again, capture, how);
                if (what.empty() && !same(offline, again))
                    what = "another result the second time";
            }
            totals.runs += how.twice ? 2 : 1;
            totals.packets += capture.packets.size() * (how.twice ? 2 : 1);
            totals.flows += offline.path().flows().size();
            if (what.empty())
                continue;
            const std::lock_guard lock(totals.printing);
            if (totals.failures++ < 20)
                std::printf("FAIL %s: %s: %s\n", capture.name.c_str(), how.text().c_str(),
                            what.c_str());
        }
        capture_at_hand = nullptr;
    }
}

/// One capture of the conversations of each file.
std::vector<Capture> captures_of_cases(std::size_t budget) {
    std::map<std::string, Capture> files;
    std::uint64_t time = 1'000'000'000;
    unsigned salt = 0;
    for (const test::Case &one : test::load_cases(L7_SOURCE_DIR "/tests/cases")) {
        Capture &file = files[one.file];
        file.name = fs::path(one.file).filename();
        for (test::Buffer &data : test::packets_of(one, salt++)) {
            const auto size = static_cast<std::uint32_t>(data.size());
            file.add({std::move(data), size, time += 1'000'000, false}, budget);
        }
    }
    std::vector<Capture> out;
    for (auto &[name, file] : files)
        out.push_back(std::move(file));
    return out;
}

/// The packets of a file, up to a damaged place; null where it is no capture, or one of no IP.
std::unique_ptr<Capture> read(const fs::path &path, std::size_t budget) {
    auto file = CaptureFile::open(path.string());
    if (!file)
        return nullptr;
    auto out = std::make_unique<Capture>(Capture{.name = path.filename()});
    CapturedPacket packet;
    for (auto more = file->next(packet); more && *more; more = file->next(packet))
        out->add(
            {{packet.data.begin(), packet.data.end()}, packet.wire_size, packet.time_ns, packet.l3},
            budget);
    return out;
}

/// Adds the captures of a file or a directory; how many, or nothing where one cannot be read.
std::size_t add_captures(const fs::path &path, std::size_t budget, std::vector<Capture> &out) {
    std::vector<fs::path> files = {path};
    if (fs::is_directory(path))
        files.assign(fs::directory_iterator(path), {});
    std::ranges::sort(files);
    std::size_t added = 0;
    for (const fs::path &one : files) {
        if (auto capture = read(one, budget)) {
            out.push_back(std::move(*capture));
            added++;
        } else {
            std::printf("skipped, no capture of IP: %s\n", one.c_str());
        }
    }
    return added;
}

} // namespace

int main(int argc, char **argv) {
    std::size_t budget = kPackets;
    int at = 1;
    if (argc > 2 && std::string_view(argv[1]) == "--packets") {
        budget = 0;
        std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), budget);
        at = 3;
    }
    if (budget == 0 || (at < argc && argv[at][0] == '-')) {
        std::fprintf(stderr, "usage: mangled_captures [--packets OF_EACH] [FILE|DIRECTORY...]\n");
        return 2;
    }
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::string> rejected;
    const auto knowledge = load_knowledge({L7_SOURCE_DIR "/patterns"}, {}, rejected);
    std::vector<Capture> captures = captures_of_cases(budget);
    const std::size_t cases = captures.size();
    bool missing = !knowledge || cases == 0;
    for (; at < argc; at++)
        missing |= add_captures(argv[at], budget, captures) == 0;
    if (missing) {
        std::fprintf(stderr, "mangled_captures: no patterns, no cases or no captures\n");
        return 1;
    }

    std::size_t shortened = 0, left_out = 0, packets = 0, long_packets = 0;
    for (const Capture &one : captures) {
        packets += one.packets.size();
        shortened += one.left_out != 0;
        left_out += one.left_out;
        long_packets += static_cast<std::size_t>(std::ranges::count_if(
            one.packets, [](const Packet &packet) { return packet.data.size() > kCutMax; }));
    }
    std::printf("%zu files of cases and %zu captures: %zu packets\n", cases,
                captures.size() - cases, packets);
    std::printf("bounds: the first %zu packets of each (left out: %zu packets of %zu captures); "
                "cuts at every %zuth byte up to %zu (%zu packets are longer); %u rounds of flips "
                "of each kind, from seed %llu; cuts are run a second time at every %zuth byte\n",
                budget, left_out, shortened, kCutStep, kCutMax, long_packets, kSeeds,
                static_cast<unsigned long long>(kSeed), kRepeatStep);
    std::fflush(stdout);

    // The longest first, so that the threads end together.
    std::ranges::sort(captures, std::ranges::greater{},
                      [](const Capture &one) { return one.packets.size(); });
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say_what_died);
    Totals totals;
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < kThreads; i++)
        threads.emplace_back([&] { work(captures, *knowledge, totals); });
    threads.clear();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%zu captures, %zu runs, %zu packets, %zu flows, %.0f s: %zu failed\n",
                captures.size(), totals.runs.load(), totals.packets.load(), totals.flows.load(),
                seconds, totals.failures.load());
    return totals.failures ? 1 : 0;
}
