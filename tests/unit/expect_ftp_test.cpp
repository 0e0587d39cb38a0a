// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/expecting.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace l7;
using namespace l7::test;

namespace {

Lines ftp(const Conversation &said) {
    return announced_in_pieces("ftp", parties_v4(21), said);
}

Lines ftp6(const Conversation &said) {
    return announced_in_pieces("ftp", parties_v6(21), said);
}

const std::string kActive = "tcp 198.51.100.1:* > 192.0.2.1:50001 data ftp-data";
const std::string kPassive = "tcp 192.0.2.1:* > 198.51.100.1:50001 data ftp-data";
const std::string kPassive6 = "tcp [2001:db8::1]:* > [2001:db8:1::1]:50001 data ftp-data";
const std::string kActive6 = "tcp [2001:db8:1::1]:* > [2001:db8::1]:50001 data ftp-data";

} // namespace

TEST_CASE("ftp: the client names its port", "[expect]") {
    CHECK(ftp({{0, "USER a\r\nPORT 192,0,2,1,195,81\r\n"}, {1, "200 ok\r\n"}}) == Lines{kActive});
    CHECK(ftp({{0, "port  192,0,2,1,195,81\n"}}) == Lines{kActive});
    CHECK(ftp({{0, "EPRT |1|192.0.2.1|50001|\r\n"}}) == Lines{kActive});
    CHECK(ftp({{0, "LPRT 4,4,192,0,2,1,2,195,81\r\n"}}) == Lines{kActive});
    CHECK(ftp6({{0, "EPRT |2|2001:db8::1|50001|\r\n"}}) == Lines{kActive6});
    CHECK(ftp6({{0, "EPRT !2!2001:db8::1!50001!\r\n"}}) == Lines{kActive6});
    CHECK(ftp6({{0, "LPRT 6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1,2,195,81\r\n"}}) ==
          Lines{kActive6});
}

TEST_CASE("ftp: the server names its port", "[expect]") {
    for (const char *reply :
         {"227 Entering Passive Mode (198,51,100,1,195,81).", "227 =198,51,100,1,195,81",
          "227 Passive 1 of 2, 3: 198,51,100,1,195,81", "229 Extended Passive Mode (|||50001|)",
          "229 ok (!!!50001!)", "228 Long Passive Mode (4,4,198,51,100,1,2,195,81)"}) {
        CAPTURE(reply);
        CHECK(ftp({{0, "PASV\r\n"}, {1, std::string(reply) + "\r\n"}}) == Lines{kPassive});
    }
    CHECK(ftp6({{1, "229 Entering Extended Passive Mode (|||50001|)\r\n"}}) == Lines{kPassive6});
}

TEST_CASE("ftp: what is announced is what the bytes say, whoever it is", "[expect]") {
    CHECK(ftp({{1, "227 (203,0,113,9,0,22)\r\n"}}) ==
          Lines{"tcp 192.0.2.1:* > 203.0.113.9:22 data ftp-data"});
}

TEST_CASE("ftp: replies of several lines", "[expect]") {
    // Whatever stands between the first and the last line is text.
    CHECK(ftp({{1, "220-Welcome\r\n227 Entering Passive Mode (1,2,3,4,5,6)\r\n"
                   "227-(1,2,3,4,5,6)\r\n220 ready\r\n227 (198,51,100,1,195,81)\r\n"}}) ==
          Lines{kPassive});
    CHECK(ftp({{1, "227-Entering\r\n 227 (1,2,3,4,5,6)\r\n(1,2,3,4,5,6)\r\n"
                   "227 Passive Mode (198,51,100,1,195,81)\r\n"}}) == Lines{kPassive});
    CHECK(ftp({{1, "211-Features\r\n 211 x\r\n211-y\r\n229 (|||1|)\r\n211 End\r\n"
                   "229 (|||50001|)\r\n"}}) == Lines{kPassive});
}

TEST_CASE("ftp: what announces nothing", "[expect]") {
    for (const char *line :
         {"PORT 192,0,2,1,195", "PORT 192,0,2,256,195,81", "PORT", "STOR PORT 192,0,2,1,195,81",
          "XPORT 192,0,2,1,195,81", "EPRT |3|192.0.2.1|50001|", "EPRT |1|192.0.2.1|50001",
          "EPRT |1|2001:db8::1|50001|", "EPRT |1|192.0.2.1|70000|", "EPRT 1119119", "EPRT",
          "EPRT |||50001|", "LPRT 4,4,192,0,2,1,2,195", "LPRT 6,4,192,0,2,1,2,195,81",
          "LPRT 4,4,192,0,2,1,3,195,81,1", "LPRT 4"}) {
        CAPTURE(line);
        CHECK(ftp({{0, std::string(line) + "\r\n"}}) == Lines{});
    }
    for (const char *line :
         {"227 Entering Passive Mode", "227 (1,2,3,4,5)", "x227 (198,51,100,1,195,81)",
          "227(198,51,100,1,195,81)", "2270 (198,51,100,1,195,81)", " 227 (198,51,100,1,195,81)",
          "229 |||50001|", "229 (|1|198.51.100.1|50001|)", "229 (|||50001", "229 (|||x|)", "229 (",
          "229 (1111111)", "22", "", "PORT 192,0,2,1,195,81", "226 (198,51,100,1,195,81)"}) {
        CAPTURE(line);
        CHECK(ftp({{1, std::string(line) + "\r\n"}}) == Lines{});
    }
    CHECK(ftp({{0, "227 (198,51,100,1,195,81)\r\n"}}) == Lines{});
    CHECK(ftp({{0, "PORT 192,0,2,1,195,81"}}) == Lines{}); // the line may go on
}

TEST_CASE("ftp: a line beyond all bounds is passed over", "[expect]") {
    const std::string line = "STOR " + std::string(2000, 'x') + "PORT 192,0,2,1,195,81\r\n";
    CHECK(announced("ftp", parties_v4(21), {{0, line}, {0, "PORT 192,0,2,1,195,81\r\n"}}) ==
          Lines{kActive});
}

TEST_CASE("ftp: nothing is readable once TLS was agreed on", "[expect]") {
    CHECK(ftp({{0, "AUTH TLS\r\n"},
               {1, "234 go on\r\n227 (198,51,100,1,195,81)\r\n"},
               {0, "PORT 192,0,2,1,195,81\r\n"}}) == Lines{});
    CHECK(ftp({{0, "AUTH TLS\r\n"}, {1, "502 no\r\n"}, {0, "PORT 192,0,2,1,195,81\r\n"}}) ==
          Lines{kActive});
}
