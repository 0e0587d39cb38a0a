// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/flow_file.hpp"
#include "core/sync/record.hpp"
#include "support/memory_table.hpp"

#include <catch2/catch_test_macros.hpp>
#include <openssl/evp.h>
#include <vector>

using namespace l7;

namespace {

constexpr std::size_t kDigest = 32, kVersionAt = 8, kCountAt = 12, kBytesAt = 20;

std::string file_of(std::uint32_t flows) {
    FlowFile file;
    for (std::uint32_t i = 0; i < flows; i++)
        REQUIRE(file.add(numbered_flow(i), 1'763'000'000'000));
    return file.take();
}

/// As somebody would leave it who changes a file and makes it good again.
std::string sealed(std::string file) {
    file.resize(file.size() - kDigest);
    unsigned char digest[kDigest];
    REQUIRE(EVP_Digest(file.data(), file.size(), digest, nullptr, EVP_sha256(), nullptr) == 1);
    return file.append(reinterpret_cast<const char *>(digest), kDigest);
}

std::string refusal(std::string_view file) {
    const auto parsed = parse_flow_file(file);
    return parsed ? "" : parsed.error().message;
}

bool says(const std::string &text, const char *what) {
    INFO(text);
    return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE("flows come back from a file as they were") {
    FlowFile file;
    std::vector<FlowState> states;
    for (const std::uint32_t number : {1U, 70'000U, 5'000'000U})
        states.push_back(numbered_flow(number));
    states[1].parent = states[0].key;
    states[2].key.family = 6;
    states[2].key.addr[0][0] = 0x20;
    for (const FlowState &state : states)
        REQUIRE(file.add(state, 42));
    const std::string bytes = file.take();
    const auto parsed = parse_flow_file(bytes);
    REQUIRE(parsed);
    REQUIRE(parsed->size() == states.size());
    for (std::size_t i = 0; i < states.size(); i++) {
        const auto back = decode_flow((*parsed)[i].key, (*parsed)[i].record);
        REQUIRE(back);
        CHECK(back->state == states[i]);
        CHECK(back->changed_ms == 42);
    }
    const std::string empty = file.take();
    REQUIRE(parse_flow_file(empty));
    CHECK(parse_flow_file(empty)->empty());
}

TEST_CASE("a file that is cut off anywhere is refused") {
    const std::string file = file_of(3);
    for (std::size_t size = 0; size < file.size(); size++)
        CHECK_FALSE(parse_flow_file(std::string_view(file).substr(0, size)));
    CHECK(says(refusal(file.substr(0, file.size() - 1)), "cut off: 1 bytes"));
    CHECK(says(refusal(file.substr(0, 20)), "cut off"));
    CHECK(says(refusal(""), "no file of flows"));
    CHECK(says(refusal(file + "x"), "goes on"));
}

TEST_CASE("a file of which any bit is another is refused") {
    std::string file = file_of(2);
    for (std::size_t at = 0; at < file.size(); at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            file[at] = static_cast<char>(static_cast<unsigned char>(file[at]) ^ (1U << bit));
            CHECK_FALSE(parse_flow_file(file));
            file[at] = static_cast<char>(static_cast<unsigned char>(file[at]) ^ (1U << bit));
        }
    CHECK(parse_flow_file(file));
    file[60] = static_cast<char>(file[60] ^ 1);
    CHECK(says(refusal(file), "checksum"));
}

TEST_CASE("a file of another version is refused by that name") {
    std::string file = file_of(1);
    file[kVersionAt] = 2;
    CHECK(says(refusal(file), "version 2"));
    CHECK(says(refusal(sealed(file)), "version 2"));
    CHECK(says(refusal(file.substr(0, kCountAt)), "version 2"));
}

TEST_CASE("a file whose checksum is right may still be malformed") {
    const std::string file = file_of(2);
    std::string more = file;
    more[kCountAt] = 3;
    CHECK(says(refusal(sealed(more)), "has 2 flows and says 3"));
    more[kCountAt + 7] = '\x7f';
    CHECK(says(refusal(sealed(more)), "more flows than it can"));
    std::string longer = file;
    for (std::size_t i = 0; i < 8; i++)
        longer[kBytesAt + i] = '\xff';
    CHECK(says(refusal(sealed(longer)), "cut off"));
    std::string other = file;
    other[29] = 'x'; // what the first key is of
    CHECK(says(refusal(sealed(other)), "flow 1"));
}
