// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/batch.hpp"
#include "core/sync/record.hpp"
#include "support/memory_table.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>

using namespace l7;

namespace {

FlowState v6_flow() {
    FlowState out = numbered_flow(7);
    out.key.family = 6;
    for (unsigned end = 0; end < 2; end++)
        for (unsigned i = 0; i < 16; i++)
            reinterpret_cast<std::uint8_t *>(out.key.addr[end])[i] =
                static_cast<std::uint8_t>(end * 16 + i + 1);
    return out;
}

ExpectationState expectation() {
    ExpectationState out;
    out.parent = numbered_flow(1).key;
    out.target = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9};
    out.port = 50000;
    out.l4 = IPPROTO_TCP;
    out.protocol = "ftp-data";
    out.until_ms = 1'800'000'000'000;
    return out;
}

} // namespace

TEST_CASE("a flow comes back from its record as it was") {
    FlowState state = numbered_flow(123456);
    SECTION("IPv4, in 14 bytes of key") {
        CHECK(key_of(state.key).size() == 14);
    }
    SECTION("IPv6, in 38") {
        state = v6_flow();
        CHECK(key_of(state.key).size() == 38);
    }
    SECTION("a child") {
        state.parent = v6_flow().key;
    }
    SECTION("nothing but a key") {
        const l7_key key = state.key;
        state = FlowState{};
        state.key = key;
        CHECK(encode(state, 0).size() == 1);
    }
    SECTION("the largest values there are") {
        state.born_ms = state.rules = state.rules_digest = ~std::uint64_t{0};
        state.flags = ~0U;
        state.sides[0] = state.sides[1] = {255, 255, ~0U, ~0U};
        state.verdict_packet = state.verdict_sample = 0xffff;
        state.reason = state.attributes = 255;
        state.hostname.assign(kRecordNameMax, 'h');
    }
    const auto back = decode_flow(key_of(state.key), encode(state, 42));
    REQUIRE(back);
    CHECK(back->state == state);
    CHECK((back->changed_ms == 42 || encode(state, 0).size() == 1));
}

TEST_CASE("a flow's record is small") {
    CHECK(encode(numbered_flow(99999), 1'763'000'000'000).size() <= 100);
}

TEST_CASE("a name longer than any is cut") {
    FlowState state = numbered_flow(1);
    state.hostname.assign(1000, 'h');
    const auto back = decode_flow(key_of(state.key), encode(state, 1));
    REQUIRE(back);
    CHECK(back->state.hostname.size() == kRecordNameMax);
}

TEST_CASE("expectations, endpoints and hints come back as they were") {
    const ExpectationState expected = expectation();
    CHECK(decode_expectation(key_of(expected), encode(expected)) == expected);
    CHECK(kind_of(key_of(expected)) == RecordKind::Expectation);

    EndpointState endpoint;
    endpoint.address[15] = 9;
    endpoint.port = 443;
    endpoint.l4 = IPPROTO_UDP;
    endpoint.protocol = "quic";
    endpoint.application = "youtube";
    endpoint.until_ms = 5;
    CHECK(decode_endpoint(key_of(endpoint), encode(endpoint)) == endpoint);

    HintState hint;
    hint.address[0] = 0x20;
    hint.host = "a.example";
    hint.until_ms = 6;
    CHECK(decode_hint(key_of(hint), encode(hint)) == hint);
}

TEST_CASE("two expectations that differ have different keys") {
    ExpectationState one = expectation(), other = one;
    other.sport = 1;
    CHECK(key_of(one) != key_of(other));
    other = one;
    other.source[15] = 1;
    CHECK(key_of(one) != key_of(other));
}

TEST_CASE("fields of a newer node are passed over") {
    const FlowState state = numbered_flow(5);
    std::string record = encode(state, 9);
    append_varint(record, 200 << 1); // a number
    append_varint(record, 77);
    append_varint(record, 201 << 1 | 1); // and bytes
    append_varint(record, 3);
    record += "abc";
    const auto back = decode_flow(key_of(state.key), record);
    REQUIRE(back);
    CHECK(back->state == state);
}

TEST_CASE("what is malformed is refused") {
    const FlowState state = numbered_flow(5);
    const std::string key = key_of(state.key), good = encode(state, 9);
    SECTION("no bytes, another version") {
        CHECK_FALSE(decode_flow(key, ""));
        CHECK_FALSE(decode_flow(key, "\2" + good.substr(1)));
    }
    SECTION("cut off anywhere within a field") {
        // Where a field ends a shorter record is a record.
        unsigned refused = 0;
        for (std::size_t size = 1; size < good.size(); size++)
            refused += !decode_flow(key, good.substr(0, size));
        CHECK(refused > good.size() / 2);
    }
    SECTION("fields twice or out of order") {
        std::string twice = good;
        append_varint(twice, 2 << 1);
        append_varint(twice, 1);
        CHECK_FALSE(decode_flow(key, twice));
    }
    SECTION("values too large for what they are") {
        std::string large(1, char{kRecordVersion});
        append_varint(large, 4 << 1); // reason
        append_varint(large, 256);
        CHECK_FALSE(decode_flow(key, large));
    }
    SECTION("bytes where a number belongs, and the other way") {
        CHECK_FALSE(decode_flow(key, std::string{1, 2 << 1 | 1, 1, 'x'}));
        CHECK_FALSE(decode_flow(key, std::string{1, 8 << 1, 1}));
    }
    SECTION("a parent that is no key") {
        CHECK_FALSE(decode_flow(key, std::string{1, 13 << 1 | 1, 2, 'x', 'y'}));
        CHECK_FALSE(decode_flow(key, std::string{1, 13 << 1 | 1, 13} + std::string(13, '\0')));
    }
    SECTION("a key of the wrong size or kind") {
        CHECK_FALSE(decode_flow(key.substr(0, 13), good));
        CHECK_FALSE(decode_flow("x" + key.substr(1), good));
        CHECK_FALSE(kind_of(key + "x"));
        CHECK_FALSE(kind_of("!epoch"));
        CHECK_FALSE(kind_of(""));
    }
    SECTION("an expectation without its parent") {
        const ExpectationState state_of = expectation();
        CHECK_FALSE(decode_expectation(key_of(state_of), std::string(1, char{kRecordVersion})));
    }
    SECTION("too long") {
        CHECK_FALSE(decode_flow(key, good + std::string(kRecordMax, '\0')));
    }
}

TEST_CASE("varints are of the shortest form") {
    for (const std::uint64_t value : {0ULL, 1ULL, 127ULL, 128ULL, 300ULL, 1ULL << 62, ~0ULL}) {
        std::string text;
        append_varint(text, value);
        std::string_view rest = text;
        CHECK(take_varint(rest) == value);
        CHECK(rest.empty());
        rest = std::string_view(text).substr(0, text.size() - 1);
        CHECK_FALSE(take_varint(rest));
    }
    std::string_view padded("\x81\x00", 2);
    CHECK_FALSE(take_varint(padded));
    std::string_view large("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    CHECK_FALSE(take_varint(large));
}

TEST_CASE("a batch comes back as it was") {
    const FlowState state = numbered_flow(5);
    const std::vector<Change> changes{{key_of(state.key), encode(state, 1)},
                                      {key_of(numbered_flow(6).key), ""}};
    const std::string bytes = encode_batch({0xfedcba9876543210, 300, false}, changes);
    const auto back = parse_batch(bytes);
    REQUIRE(back);
    CHECK(back->head.epoch == 0xfedcba9876543210);
    CHECK(back->head.sequence == 300);
    CHECK_FALSE(back->head.anew);
    REQUIRE(back->changes.size() == 2);
    CHECK(back->changes[0].key == changes[0].key);
    CHECK(back->changes[0].record == changes[0].record);
    CHECK(back->changes[1].record.empty());
    const std::string anew = encode_batch({1, 2, true}, {});
    CHECK(parse_batch(anew)->head.anew);
}

TEST_CASE("a malformed batch is refused") {
    const std::string head("\1\0\0\0\0\0\0\0\0\1", 10);
    CHECK(parse_batch(head));
    CHECK_FALSE(parse_batch(""));
    CHECK_FALSE(parse_batch(head.substr(0, 9)));
    CHECK_FALSE(parse_batch("\2" + head.substr(1)));
    CHECK_FALSE(parse_batch(head + "?"));
    CHECK_FALSE(parse_batch(head + "-"));
    CHECK_FALSE(parse_batch(head + std::string("-\0", 2)));
    CHECK_FALSE(parse_batch(head + "-\5abc"));
    CHECK_FALSE(parse_batch(head + "+\1a"));
    CHECK_FALSE(parse_batch(head + std::string("+\1a\0", 4)));
    std::string many = head;
    for (std::size_t i = 0; i <= kBatchChanges; i++)
        many += "-\1a";
    CHECK_FALSE(parse_batch(many));
}
