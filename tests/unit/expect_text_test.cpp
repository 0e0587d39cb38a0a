// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/text.hpp"
#include "core/expect/address.hpp"
#include "support/expecting.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

Lines lines_of(const std::string &text, std::size_t most, std::size_t step) {
    LineReader reader(most);
    Lines out;
    for (std::size_t at = 0; at < text.size(); at += step) {
        const Buffer piece = bytes_of(text.substr(at, step));
        Bytes data = piece;
        while (const auto line = reader.next(data))
            out.push_back(line->whole ? std::string(line->text) : "(long)");
    }
    return out;
}

} // namespace

TEST_CASE("lines come out the same in whatever pieces they go in", "[expect]") {
    const std::string text = "one\r\n\r\ntwo\nthree \rx\r\n" + std::string(40, 'x') + "\n" +
                             std::string(20, 'y') + "\nnever ended";
    const Lines expected = {"one", "", "two", "three \rx", "(long)", std::string(20, 'y')};

    for (std::size_t step = 1; step <= text.size(); step++) {
        CAPTURE(step);
        CHECK(lines_of(text, 20, step) == expected);
    }
}

TEST_CASE("a line beyond the bound is never read from its middle", "[expect]") {
    for (std::size_t length = 18; length < 50; length++)
        CHECK(lines_of(std::string(length, 'x') + "PORT 1,2,3,4,5,6\nb\n", 20, 7) ==
              Lines{"(long)", "b"});
}

TEST_CASE("addresses are read as a whole or not at all", "[expect]") {
    CHECK(parse_address("192.0.2.1") == from_ipv4(0xc0000201));
    CHECK(parse_address("::ffff:192.0.2.1") == from_ipv4(0xc0000201));
    CHECK(shown(*parse_address("[2001:db8::1]")) == "[2001:db8::1]");
    for (const char *wrong : {"", "192.0.2", "192.0.2.256", "192.0.2.1 ", "192.0.2.1x",
                              "[192.0.2.1]", "[2001:db8::1", "host", "2001:db8::1::", ":"})
        CHECK_FALSE(parse_address(wrong));
    CHECK_FALSE(parse_address(std::string_view("192.0.2.1\0", 10)));
    CHECK(parse_host_port("[2001:db8::1]:80")->port == 80);
    CHECK(parse_host_port("192.0.2.1")->port == 0);
    CHECK_FALSE(parse_host_port("192.0.2.1:"));
    CHECK_FALSE(parse_host_port("192.0.2.1:65536"));
    CHECK_FALSE(parse_host_port("[2001:db8::1"));
}

TEST_CASE("hosts that are nobody", "[expect]") {
    CHECK(is_unspecified(*parse_address("0.0.0.0")));
    CHECK(is_unspecified(*parse_address("::")));
    CHECK(is_loopback(*parse_address("127.1.2.3")));
    CHECK(is_loopback(*parse_address("::1")));
    CHECK(is_multicast(*parse_address("239.1.2.3")));
    CHECK(is_multicast(*parse_address("255.255.255.255")));
    CHECK(is_multicast(*parse_address("ff02::1")));
    for (const char *host : {"192.0.2.1", "2001:db8::1", "10.0.0.127"})
        CHECK_FALSE((is_unspecified(*parse_address(host)) || is_loopback(*parse_address(host)) ||
                     is_multicast(*parse_address(host))));
}

TEST_CASE("numbers are digits alone, and fit", "[expect]") {
    CHECK(number_of<std::uint16_t>("65535") == 65535);
    for (const char *wrong : {"", "65536", "-1", "+1", " 1", "1 ", "0x1"})
        CHECK_FALSE(number_of<std::uint16_t>(wrong));
}
