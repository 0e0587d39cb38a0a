// SPDX-License-Identifier: GPL-2.0-or-later
// How fast captures are classified: they are merged and repeated into one file, which one thread
// then reads and judges.
#include "capture/capture_file.hpp"
#include "capture/offline.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <pcap/pcap.h>
#include <string>
#include <vector>

using namespace l7;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kPackets = 500'000;
constexpr unsigned kRounds = 5;
constexpr std::uint64_t kDayNs = 86'400'000'000'000; ///< between repetitions: all flows are new

struct Frame {
    std::vector<std::uint8_t> data;
    std::uint32_t wire_size;
    std::uint64_t time_ns;
};

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

/// Ethernet frames; what has no link header gets one.
std::vector<Frame> frames_of(const std::vector<fs::path> &captures) {
    std::vector<Frame> out;
    for (const fs::path &path : captures) {
        auto file = CaptureFile::open(path.string());
        CapturedPacket packet;
        if (!file)
            continue;
        for (auto more = file->next(packet); more && *more; more = file->next(packet)) {
            Frame frame{{}, packet.wire_size, packet.time_ns};
            if (packet.l3 && !packet.data.empty()) {
                const bool ipv6 = packet.data[0] >> 4 == 6;
                frame.data.assign(12, 2);
                frame.data.insert(frame.data.end(), {static_cast<std::uint8_t>(ipv6 ? 0x86 : 0x08),
                                                     static_cast<std::uint8_t>(ipv6 ? 0xdd : 0)});
                frame.wire_size += 14;
            }
            frame.data.insert(frame.data.end(), packet.data.begin(), packet.data.end());
            out.push_back(std::move(frame));
        }
    }
    return out;
}

std::size_t write_repeated(const std::vector<Frame> &frames, const std::string &path) {
    pcap_t *dead =
        pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 262144, PCAP_TSTAMP_PRECISION_NANO);
    pcap_dumper_t *dump = pcap_dump_open(dead, path.c_str());
    std::size_t packets = 0;
    for (unsigned round = 0; dump && packets < kPackets; round++)
        for (const Frame &frame : frames) {
            const std::uint64_t time = frame.time_ns + round * 400 * kDayNs;
            pcap_pkthdr head{};
            head.ts.tv_sec = static_cast<long>(time / 1'000'000'000);
            head.ts.tv_usec = static_cast<long>(time % 1'000'000'000);
            head.caplen = static_cast<std::uint32_t>(frame.data.size());
            head.len = std::max(frame.wire_size, head.caplen);
            pcap_dump(reinterpret_cast<unsigned char *>(dump), &head, frame.data.data());
            packets++;
        }
    if (dump)
        pcap_dump_close(dump);
    pcap_close(dead);
    return packets;
}

/// Of this thread: what else the machine does is left out.
double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// What the packet path hands to the classifier, to be judged again by itself.
struct Samples {
    struct One {
        l7_record head;
        std::uint64_t now_ns;
        std::size_t at; ///< of its payload in `bytes`
        std::size_t size;
    };
    std::vector<One> list;
    std::vector<std::uint8_t> bytes;
};

Samples samples_of(const std::string &path, const Knowledge &knowledge) {
    Samples out;
    std::uint64_t now = 0;
    Classifier classifier;
    classifier.use(knowledge);
    NativePath native({}, [&](const Sample &sample) {
        out.list.push_back({sample.head, now, out.bytes.size(), sample.data.size()});
        out.bytes.insert(out.bytes.end(), sample.data.begin(), sample.data.end());
        if (const auto verdict = classifier.take(sample, now))
            native.apply(*verdict);
    });
    auto file = CaptureFile::open(path);
    CapturedPacket packet;
    for (auto more = file->next(packet); more && *more; more = file->next(packet)) {
        now = packet.time_ns;
        native.packet(packet.data.data(), packet.data.size(), packet.wire_size, packet.time_ns,
                      packet.l3);
    }
    return out;
}

double matching_seconds(const Samples &samples, const Knowledge &knowledge) {
    Classifier classifier;
    classifier.use(knowledge);
    const Bytes bytes(samples.bytes);
    const double start = cpu_seconds();
    for (const Samples::One &one : samples.list)
        (void)classifier.take({one.head, bytes.subspan(one.at, one.size)}, one.now_ns);
    return cpu_seconds() - start;
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: bench_corpus_speed DIRECTORY_OF_CAPTURES FILE_TO_WRITE\n");
        return 2;
    }
    std::vector<std::string> rejected;
    auto knowledge = load_knowledge({L7_SOURCE_DIR "/patterns"}, {}, rejected);
    std::vector<fs::path> captures;
    for (const auto &entry : fs::directory_iterator(argv[1]))
        captures.push_back(entry.path());
    std::ranges::sort(captures);
    const std::string path = argv[2];
    const std::size_t packets = write_repeated(frames_of(captures), path);
    if (!knowledge || packets < kPackets) {
        std::fprintf(stderr, "bench: no patterns, or no captures\n");
        return 1;
    }
    std::vector<double> whole, alone;
    std::size_t flows = 0, early = 0, soon = 0, decided = 0;
    knowledge->remember();
    const Samples samples = samples_of(path, *knowledge);
    for (unsigned round = 0; round < kRounds; round++) {
        knowledge->remember();
        alone.push_back(matching_seconds(samples, *knowledge));
        knowledge->remember();
        const double start = cpu_seconds();
        Offline offline(*knowledge);
        if (!offline.read(path))
            return 1;
        offline.finish();
        whole.push_back(cpu_seconds() - start);
        flows = offline.path().flows().size();
        decided = early = soon = 0;
        for (const NativeFlow &flow : offline.path().flows()) {
            const bool known = flow.flow.protocol > L7_UNKNOWN && flow.flow.verdict_sample > 0;
            decided += known;
            early += known && flow.flow.verdict_sample == 1;
            soon += known && flow.flow.verdict_sample <= 4;
        }
    }
    fs::remove(path);
    const double ns = median(whole) * 1e9, matching = median(alone) * 1e9;
    std::printf(
        "| captures merged and repeated to %zu packets, %zu flows: ns a packet with reading, "
        "ns a flow with all, ns of matching a flow | %.0f, %.0f, %.0f | 400, -, 1500 |\n",
        packets, flows, ns / static_cast<double>(packets), ns / static_cast<double>(flows),
        matching / static_cast<double>(flows));
    std::printf(
        "| of %zu flows decided by payload: at the first payload packet, by the fourth, %% | "
        "%.1f, %.1f | 85, 97 |\n",
        decided, 100.0 * static_cast<double>(early) / static_cast<double>(decided),
        100.0 * static_cast<double>(soon) / static_cast<double>(decided));
    return 0;
}
