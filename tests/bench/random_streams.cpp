// SPDX-License-Identifier: GPL-2.0-or-later
// Streams that are no protocol: how many get a name all the same.
#include "core/flow/classifier.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>

using namespace l7;

namespace {

constexpr std::size_t kBytes = 511;
constexpr unsigned kStreams = 100'000;

/// Judges random streams of 511 bytes, cut into 1 to 7 segments that go either way, half of them
/// over TCP. Returns the names given, and how often.
std::map<std::string, unsigned> names_of(Knowledge &knowledge, bool printable) {
    Classifier classifier;
    classifier.use(knowledge);
    std::mt19937_64 random(printable ? 2 : 1);
    std::map<std::string, unsigned> out;
    const auto count = [&](const l7_verdict &verdict) {
        if (verdict.protocol > L7_UNKNOWN && !(verdict.flags & L7_V_FOLLOW))
            out[knowledge.protocols->name(verdict.protocol)]++;
    };

    for (unsigned stream = 0; stream < kStreams; stream++) {
        std::array<std::uint8_t, kBytes> data;
        for (std::uint8_t &byte : data)
            byte = static_cast<std::uint8_t>(printable ? ' ' + random() % 95 : random());
        const bool tcp = stream % 2 == 0;
        const unsigned segments = 1 + static_cast<unsigned>(random() % 7);
        std::array<std::uint32_t, 2> sent{};
        l7_record head{};
        head.key.l4 = tcp ? 6 : 17;
        head.key.family = 4;
        head.key.addr[0][3] = stream;
        head.key.port[0] = static_cast<__be16>(random());
        head.key.port[1] = static_cast<__be16>(random());
        head.hash = l7_key_hash(&head.key);
        head.born = stream + 1;
        std::size_t at = 0;
        for (unsigned i = 0; i < segments; i++) {
            const std::size_t size =
                i + 1 == segments ? kBytes - at
                                  : std::min<std::size_t>(random() % (kBytes / segments * 2) + 1,
                                                          kBytes - at - (segments - i - 1));
            head.direction = static_cast<std::uint8_t>(i == 0 ? 0 : random() % 2);
            head.packet = static_cast<__u16>(i + 1);
            head.offset = sent[head.direction];
            head.size = head.wire_size = static_cast<std::uint16_t>(size);
            head.flags = i + 1 == segments ? L7_R_LAST : 0;
            sent[head.direction] += static_cast<std::uint32_t>(size);
            const auto verdict = classifier.take({head, Bytes(data).subspan(at, size)}, stream);
            at += size;
            if (verdict)
                count(*verdict);
        }
        std::vector<l7_verdict> rest;
        classifier.finish(stream, rest);
        for (const l7_verdict &verdict : rest)
            count(verdict);
    }
    return out;
}

} // namespace

/// All patterns and applications, with the compiled ones kept in `cache`; empty: nowhere.
double loading_ms(const char *cache, std::optional<Knowledge> &out) {
    using Clock = std::chrono::steady_clock;
    std::vector<std::string> rejected;
    setenv("L7CTL_CACHE", cache, 1);
    const auto start = Clock::now();
    auto knowledge = load_knowledge({L7_SOURCE_DIR "/patterns"}, {}, rejected);
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    if (knowledge)
        out = std::move(*knowledge);
    return ms;
}

int main() {
    char directory[] = "/tmp/l7ctl-bench-XXXXXX";
    if (!mkdtemp(directory))
        return 1;
    std::optional<Knowledge> knowledge;
    const double compiled = loading_ms("", knowledge);
    loading_ms(directory, knowledge);
    std::vector<double> cached;
    for (int round = 0; round < 5; round++)
        cached.push_back(loading_ms(directory, knowledge));
    std::filesystem::remove_all(directory);
    std::ranges::sort(cached);
    if (!knowledge)
        return 1;
    std::printf("| loading %zu patterns and %zu applications, ms: compiled, from the cache | %.0f, "
                "%.1f | 1000, or 50 |\n",
                knowledge->database->usable_patterns(), knowledge->applications->all().size(),
                compiled, cached[cached.size() / 2]);
    for (const bool printable : {false, true}) {
        unsigned named = 0;
        std::string names;
        for (const auto &[name, times] : names_of(*knowledge, printable)) {
            named += times;
            names += " " + name + " " + std::to_string(times);
        }
        std::printf(
            "| %u streams of %zu random %s that got a name, %%; which | %.3f;%s | at most 0.05 |\n",
            kStreams, kBytes, printable ? "printable characters" : "bytes",
            100.0 * named / kStreams, names.empty() ? " -" : names.c_str());
    }
    return 0;
}
