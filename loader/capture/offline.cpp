// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/offline.hpp"

#include "capture/capture_file.hpp"

#include <algorithm>
#include <limits>

namespace l7 {

namespace {
constexpr std::uint64_t kSweepNs = 100'000'000;

NativePath::Presume presume(std::shared_ptr<const EndpointMemory> endpoints) {
    if (!endpoints)
        return {};
    return
        [endpoints = std::move(endpoints)](
            const l7_endpoint &server, std::uint64_t now_ns) -> std::optional<l7_endpoint_verdict> {
            const auto known = endpoints->find(server, now_ns);
            if (!known)
                return std::nullopt;
            return l7_endpoint_verdict{known->protocol, known->application, 0};
        };
}

NativePath::Expect expect(std::shared_ptr<Expectations> expectations) {
    if (!expectations)
        return {};
    return [expectations = std::move(expectations)](const l7_packet &packet, std::uint64_t now_ns) {
        return expectations->take(packet, now_ns);
    };
}
} // namespace

Offline::Offline(Knowledge knowledge, NativeLimits limits)
    : path_(
          limits,
          [this](const Sample &sample) {
              if (const auto verdict = classifier_.take(sample, now_ns_))
                  path_.apply(*verdict);
              if (const auto verdict = classifier_.take_pushed_out())
                  path_.apply(*verdict);
          },
          presume(knowledge.endpoints), expect(knowledge.expectations)) {
    classifier_.use(std::move(knowledge));
}

Result<void> Offline::read(const std::string &path) {
    auto file = CaptureFile::open(path);
    if (!file)
        return file.error();
    CapturedPacket captured;
    for (;;) {
        const auto more = file->next(captured);
        if (!more)
            return more.error();
        if (!*more)
            return {};
        packet(captured.data.data(), captured.data.size(), captured.wire_size, captured.time_ns,
               captured.l3);
    }
}

void Offline::packet(const std::uint8_t *data, std::size_t size, std::uint32_t wire_size,
                     std::uint64_t time_ns, bool l3) {
    now_ns_ = std::max(now_ns_, time_ns); // captures of several interfaces may step back
    if (now_ns_ >= next_sweep_ns_) {
        classifier_.sweep(now_ns_, std::numeric_limits<std::size_t>::max(), swept_);
        apply_swept();
        next_sweep_ns_ = now_ns_ + kSweepNs;
    }
    path_.packet(data, size, wire_size, time_ns, l3);
}

void Offline::finish() {
    classifier_.finish(now_ns_, swept_);
    apply_swept();
}

void Offline::apply_swept() {
    for (const l7_verdict &verdict : swept_)
        path_.apply(verdict);
    swept_.clear();
}

} // namespace l7
