// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/stream.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <random>

using namespace l7;
using namespace l7::test;

namespace {
std::string text(const Stream &stream) {
    return {stream.bytes().begin(), stream.bytes().end()};
}
} // namespace

TEST_CASE("segments come in any order") {
    Stream stream;
    CHECK_FALSE(stream.add(5, bytes_of("fghij"), 100));
    CHECK(stream.has_gap());
    CHECK(stream.add(0, bytes_of("abcde"), 100));
    CHECK(text(stream) == "abcdefghij");
    CHECK_FALSE(stream.has_gap());
}

TEST_CASE("what came first stays where segments overlap") {
    Stream stream;
    CHECK(stream.add(0, bytes_of("abcde"), 100));
    CHECK_FALSE(stream.add(2, bytes_of("XX"), 100));
    CHECK(stream.add(3, bytes_of("XXfg"), 100));
    CHECK(text(stream) == "abcdefg");
}

TEST_CASE("a gap is never spliced") {
    Stream stream;
    stream.add(0, bytes_of("ab"), 100);
    stream.add(3, bytes_of("d"), 100);
    CHECK(text(stream) == "ab");
}

TEST_CASE("bounds hold") {
    Stream stream;
    stream.add(0, Buffer(50, 'a'), 60);
    stream.add(50, Buffer(50, 'b'), 60);
    CHECK(stream.bytes().size() == 60);

    Stream waiting;
    for (std::uint32_t i = 0; i < 100; i++)
        waiting.add(10 + i * 10, Buffer(5), 4096);
    CHECK(waiting.dropped() == 100 - Stream::kPendingSegments);
    Stream large;
    large.add(1, Buffer(Stream::kPendingBytes), 4096);
    large.add(20000, Buffer(1), 4096);
    CHECK(large.dropped() == 1);
    CHECK(large.memory() < 3 * Stream::kPendingBytes);
}

TEST_CASE("random cuts, repetitions and orders give the stream back") {
    std::mt19937 random(20260101);
    for (int round = 0; round < 500; round++) {
        Buffer whole(200);
        std::ranges::generate(whole, [&] { return static_cast<std::uint8_t>(random()); });
        std::vector<std::pair<std::uint32_t, Buffer>> parts;
        for (std::size_t at = 0; at < whole.size();) {
            const std::size_t size = std::min<std::size_t>(whole.size() - at, 1 + random() % 40);
            const std::size_t back = std::min<std::size_t>(at, random() % 5);
            parts.emplace_back(at - back,
                               Buffer(whole.begin() + static_cast<std::ptrdiff_t>(at - back),
                                      whole.begin() + static_cast<std::ptrdiff_t>(at + size)));
            at += size;
        }
        if (parts.size() > Stream::kPendingSegments)
            parts.resize(Stream::kPendingSegments);
        const std::size_t reach = parts.back().first + parts.back().second.size();
        std::shuffle(parts.begin(), parts.end(), random);
        Stream stream;
        for (const auto &[offset, data] : parts)
            stream.add(offset, data, 4096);
        REQUIRE(stream.bytes().size() == reach);
        CHECK(std::equal(stream.bytes().begin(), stream.bytes().end(), whole.begin()));
    }
}
