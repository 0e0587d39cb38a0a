// SPDX-License-Identifier: GPL-2.0-or-later
// The case files in tests/cases: conversations and what they must be recognised as.
#pragma once

#include "packets.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace l7::test {

struct Message {
    bool from_server;
    Buffer data;
};

struct Case {
    std::string file;
    unsigned line = 0;
    std::string title;
    std::string l4 = "tcp";
    std::string expect;  ///< a protocol, "unknown", or "not NAME"
    std::string nosplit; ///< why it is not cut at every byte
    std::uint16_t sport = 40000;
    std::uint16_t dport = 9999;
    std::vector<Message> messages;

    bool positive() const { return expect.rfind("not ", 0) != 0 && expect != "unknown"; }
    /// The protocol of the file it stands in.
    std::string subject() const { return std::filesystem::path(file).stem().string(); }
};

/// Reads all NAME.case files of a directory; throws std::runtime_error with file:line where one
/// cannot be read.
std::vector<Case> load_cases(const std::filesystem::path &directory);

/// The packets of a case, as Ethernet frames: TCP with its handshake, in order, numbered from
/// `salt` so that runs do not share a flow.
std::vector<Buffer> packets_of(const Case &one, unsigned salt = 0);

} // namespace l7::test
