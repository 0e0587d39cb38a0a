// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/assembly.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace l7;
using namespace l7::test;

namespace {
std::string text(const Assembly &assembly) {
    return {assembly.prefix().begin(), assembly.prefix().end()};
}
} // namespace

TEST_CASE("pieces come in any order and what came first stays") {
    Assembly pieces(100);
    CHECK_FALSE(pieces.add(4, bytes_of("ef")));
    CHECK_FALSE(pieces.add(8, bytes_of("ij")));
    CHECK(pieces.add(0, bytes_of("ab")));
    CHECK(text(pieces) == "ab");
    CHECK(pieces.add(1, bytes_of("XcdXXghX")));
    CHECK(text(pieces) == "abcdefghij");
    CHECK_FALSE(pieces.add(3, bytes_of("XXX")));
    CHECK(pieces.dropped() == 0);
    pieces.clear();
    CHECK(text(pieces).empty());
}

TEST_CASE("an assembly's bounds hold") {
    Assembly pieces(1000);
    CHECK_FALSE(pieces.add(~0ULL, bytes_of("x")));
    CHECK_FALSE(pieces.add(1000, bytes_of("x")));
    CHECK(pieces.dropped() == 2);
    CHECK(pieces.add(0, Buffer(2000, 'a')));
    CHECK(pieces.prefix().size() == 1000);

    Assembly islands(1000);
    for (std::size_t i = 0; i < 100; i++)
        islands.add(1 + i * 2, bytes_of("x"));
    CHECK(islands.dropped() == 100 - Assembly::kIslands);
    CHECK(islands.add(0, Buffer(2 * Assembly::kIslands, 'y')));
    CHECK(islands.prefix().size() == 2 * Assembly::kIslands);
}
