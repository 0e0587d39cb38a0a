// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/hpack.hpp"
#include "support/packets.hpp"

#include <catch2/catch_test_macros.hpp>

#include <optional>

using namespace l7;
using namespace l7::test;

namespace {

using Fields = std::vector<HeaderField>;

Fields fields_of(const Buffer &block) {
    Fields out;
    CHECK(read_header_block(block, out) == Parse::Done);
    return out;
}

Parse parse_of(const Buffer &block) {
    Fields out;
    return read_header_block(block, out);
}

/// What a field's value of these coded bytes is; nothing where they are no code.
std::optional<std::string> huffman(const Buffer &coded) {
    Buffer block = hex("00 01 61");
    block.push_back(static_cast<std::uint8_t>(0x80 | coded.size()));
    block.insert(block.end(), coded.begin(), coded.end());
    Fields out;
    if (read_header_block(block, out) == Parse::Wrong)
        return std::nullopt;
    CHECK(out.size() == 1);
    return out.at(0).value;
}

/// The three requests of RFC 7541, C.3 and C.4, one behind the other as in one block.
const Fields kRequests{{":method", "GET"},
                       {":scheme", "http"},
                       {":path", "/"},
                       {":authority", "www.example.com"},
                       {":method", "GET"},
                       {":scheme", "http"},
                       {":path", "/"},
                       {":authority", "www.example.com"},
                       {"cache-control", "no-cache"},
                       {":method", "GET"},
                       {":scheme", "https"},
                       {":path", "/index.html"},
                       {":authority", "www.example.com"},
                       {"custom-key", "custom-value"}};

/// The responses of C.5 and C.6: a table of 256 bytes, which fields must leave.
const Fields kResponses{{":status", "302"},
                        {"cache-control", "private"},
                        {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
                        {"location", "https://www.example.com"},
                        {":status", "307"},
                        {"cache-control", "private"},
                        {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
                        {"location", "https://www.example.com"},
                        {":status", "200"},
                        {"cache-control", "private"},
                        {"date", "Mon, 21 Oct 2013 20:13:22 GMT"},
                        {"location", "https://www.example.com"},
                        {"content-encoding", "gzip"},
                        {"set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"}};

constexpr const char *kTableOf256 = "3f e1 01";

} // namespace

TEST_CASE("the fields of RFC 7541, C.2") {
    CHECK(fields_of(hex("400a 637573746f6d2d6b6579 0d 637573746f6d2d686561646572")) ==
          Fields{{"custom-key", "custom-header"}});
    CHECK(fields_of(hex("040c 2f73616d706c652f70617468")) == Fields{{":path", "/sample/path"}});
    CHECK(fields_of(hex("1008 70617373776f7264 06 736563726574")) ==
          Fields{{"password", "secret"}});
    CHECK(fields_of(hex("82")) == Fields{{":method", "GET"}});
    CHECK(fields_of({}).empty());
}

TEST_CASE("the requests of RFC 7541, C.3, and with Huffman codes, C.4") {
    CHECK(fields_of(hex("828684410f7777772e6578616d706c652e636f6d"
                        "828684be58086e6f2d6361636865"
                        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565")) ==
          kRequests);
    CHECK(fields_of(hex("828684418cf1e3c2e5f23a6ba0ab90f4ff"
                        "828684be5886a8eb10649cbf"
                        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")) == kRequests);
}

TEST_CASE("the responses of RFC 7541, C.5, and with Huffman codes, C.6") {
    CHECK(fields_of(
              hex(std::string(kTableOf256) +
                  "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a"
                  "323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d"
                  "4803333037c1c0bf"
                  "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69"
                  "707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d6178"
                  "2d6167653d333630303b2076657273696f6e3d31")) == kResponses);
    CHECK(
        fields_of(hex(std::string(kTableOf256) +
                      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff"
                      "6e919d29ad171863c78f0b97c8e9ae82ae43d3"
                      "4883640effc1c0bf"
                      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab"
                      "77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c0"
                      "03ed4ee5b1063d5007")) == kResponses);
}

TEST_CASE("a block gives what is there of it, wherever it is cut") {
    const Buffer whole = hex("828684418cf1e3c2e5f23a6ba0ab90f4ff5886a8eb10649cbf");
    const Fields all = fields_of(whole);
    for (std::size_t size = 0; size < whole.size(); size++) {
        Fields some;
        const Parse parsed = read_header_block(Bytes(whole).first(size), some);
        CHECK((parsed == Parse::More || size <= 3 || size == 17));
        REQUIRE(some.size() <= all.size());
        CHECK(std::equal(some.begin(), some.end(), all.begin()));
    }
}

TEST_CASE("what no encoder would send is wrong") {
    CHECK(parse_of(hex("80")) == Parse::Wrong);                   // field 0
    CHECK(parse_of(hex("be")) == Parse::Wrong);                   // field 62 of an empty table
    CHECK(parse_of(hex("7e 01 61")) == Parse::Wrong);             // name of field 62
    CHECK(parse_of(hex("20 40 01 61 01 62 be")) == Parse::Wrong); // a table without room
    CHECK(parse_of(hex("82 3f e1 01")) == Parse::Wrong);          // table resized behind a field
    CHECK(parse_of(hex("ff ff ff ff ff ff 01")) == Parse::Wrong); // a number without end
    CHECK(parse_of(hex("00 01 61 ff ff ff ff ff 01")) == Parse::Wrong);
}

TEST_CASE("Huffman codes end in ones, fewer than a byte's") {
    CHECK(huffman({}) == "");
    CHECK(huffman(hex("1f")) == "a");                     // 00011 111
    CHECK_FALSE(huffman(hex("1e")));                      // 00011 110
    CHECK_FALSE(huffman(hex("1f ff")));                   // eleven ones
    CHECK_FALSE(huffman(hex("ff ff ff ff")));             // the end of string itself
    CHECK(huffman(hex("ff c7")) == std::string(1, '\0')); // 1111111111000 111
    CHECK(huffman(hex("ff ff fb bf")) == "\xff");
}

TEST_CASE("a block expands to so much and no more") {
    Fields out;
    Buffer many(1000, 0x82);
    CHECK(read_header_block(many, out) == Parse::More);
    CHECK(out.size() == kMaxFields);

    Buffer large = hex("40 01 61 7f e9 06"); // a: 1000 bytes; then that again and again
    large.resize(large.size() + 1000, 'b');
    large.resize(large.size() + 1000, 0xbe);
    CHECK(read_header_block(large, out) == Parse::More);
    CHECK(out.size() == kMaxFieldBytes / 1001 + 1);
}
