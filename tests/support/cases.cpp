// SPDX-License-Identifier: GPL-2.0-or-later
#include "cases.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <stdexcept>

namespace l7::test {

namespace {

class LineReader {
  public:
    LineReader(std::string text, std::string where)
        : text_(std::move(text)), where_(std::move(where)) {}

    Buffer message() {
        Buffer out;
        for (skip(); at_ < text_.size() && text_[at_] != '#'; skip()) {
            if (text_[at_] == '"')
                quoted(out);
            else
                byte(out);
        }
        return out;
    }

  private:
    [[noreturn]] void fail(const std::string &what) const {
        throw std::runtime_error(where_ + ": " + what);
    }

    void skip() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])))
            at_++;
    }

    unsigned hex_byte() {
        if (at_ + 2 > text_.size() || !std::isxdigit(static_cast<unsigned char>(text_[at_])) ||
            !std::isxdigit(static_cast<unsigned char>(text_[at_ + 1])))
            fail("two hexadecimal digits expected at column " + std::to_string(at_ + 1));
        const unsigned value = static_cast<unsigned>(std::stoul(text_.substr(at_, 2), nullptr, 16));
        at_ += 2;
        return value;
    }

    void byte(Buffer &out) {
        const auto value = static_cast<std::uint8_t>(hex_byte());
        std::size_t count = 1;
        if (at_ < text_.size() && text_[at_] == '*') {
            std::size_t used = 0;
            count = std::stoul(text_.substr(at_ + 1), &used);
            at_ += used + 1;
        }
        out.insert(out.end(), count, value);
    }

    void quoted(Buffer &out) {
        at_++;
        while (at_ < text_.size() && text_[at_] != '"') {
            if (text_[at_] != '\\') {
                out.push_back(static_cast<std::uint8_t>(text_[at_++]));
                continue;
            }
            if (++at_ >= text_.size())
                break;
            switch (const char c = text_[at_++]) {
            case 'r':
                out.push_back('\r');
                break;
            case 'n':
                out.push_back('\n');
                break;
            case 't':
                out.push_back('\t');
                break;
            case '0':
                out.push_back(0);
                break;
            case 'x':
                out.push_back(static_cast<std::uint8_t>(hex_byte()));
                break;
            case '"':
            case '\\':
                out.push_back(static_cast<std::uint8_t>(c));
                break;
            default:
                fail(std::string("unknown escape \\") + c);
            }
        }
        if (at_ >= text_.size())
            fail("a quote is not closed");
        at_++;
    }

    std::string text_, where_;
    std::size_t at_ = 0;
};

std::string value_of(const std::string &line) {
    const std::size_t colon = line.find(':');
    std::size_t start = line.find_first_not_of(" \t", colon + 1);
    if (start == std::string::npos)
        return {};
    std::size_t end = line.find_last_not_of(" \t\r");
    return line.substr(start, end - start + 1);
}

void load_file(const std::filesystem::path &path, std::vector<Case> &out) {
    std::ifstream in(path);
    unsigned number = 0;
    for (std::string line; std::getline(in, line);) {
        const std::string where = path.string() + ":" + std::to_string(++number);
        if (line.empty() || line[0] == '#' || line.find_first_not_of(" \t\r") == std::string::npos)
            continue;
        if (line.rfind("case:", 0) == 0) {
            out.emplace_back();
            out.back().file = path.string();
            out.back().line = number;
            out.back().title = value_of(line);
            continue;
        }
        if (out.empty() || out.back().file != path.string())
            throw std::runtime_error(where + ": 'case:' expected");
        Case &one = out.back();
        if (line[0] == '>' || line[0] == '<')
            one.messages.push_back({line[0] == '<', LineReader(line.substr(1), where).message()});
        else if (line.rfind("l4:", 0) == 0)
            one.l4 = value_of(line);
        else if (line.rfind("expect:", 0) == 0)
            one.expect = value_of(line);
        else if (line.rfind("nosplit:", 0) == 0)
            one.nosplit = value_of(line);
        else if (line.rfind("sport:", 0) == 0)
            one.sport = static_cast<std::uint16_t>(std::stoul(value_of(line)));
        else if (line.rfind("dport:", 0) == 0)
            one.dport = static_cast<std::uint16_t>(std::stoul(value_of(line)));
        else
            throw std::runtime_error(where + ": not understood: " + line);
    }
}

} // namespace

std::vector<Case> load_cases(const std::filesystem::path &directory) {
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(directory))
        if (entry.path().extension() == ".case")
            files.push_back(entry.path());
    std::ranges::sort(files);
    std::vector<Case> out;
    for (const auto &file : files)
        load_file(file, out);
    for (const Case &one : out)
        if (one.expect.empty() || one.messages.empty())
            throw std::runtime_error(one.file + ":" + std::to_string(one.line) +
                                     ": no expectation or no bytes");
    return out;
}

std::vector<Buffer> packets_of(const Case &one, unsigned salt) {
    constexpr std::uint8_t kSyn = 0x02, kAck = 0x10;
    std::vector<Buffer> out;
    Packet client, server;
    client.source = server.target = "192.0.2.1";
    client.target = server.source = "198.51." + std::to_string(100 + salt / 65536 % 2) + "." +
                                    std::to_string(1 + salt / 256 % 250);
    client.sport = server.dport = static_cast<std::uint16_t>(one.sport + salt % 256);
    client.dport = server.sport = one.dport;
    client.l4 = server.l4 = one.l4 == "tcp" ? 6 : one.l4 == "udp" ? 17 : 132;
    client.seq = 1000;
    server.seq = 0xfffffff0U; // wraps soon
    if (one.l4 == "tcp") {
        client.flags = kSyn;
        out.push_back(build(client));
        server.flags = kSyn | kAck;
        server.ack = ++client.seq;
        out.push_back(build(server));
        client.ack = ++server.seq;
        client.flags = server.flags = kAck;
        out.push_back(build(client));
    }
    for (const Message &message : one.messages) {
        Packet &sender = message.from_server ? server : client;
        sender.payload = message.data;
        out.push_back(build(sender));
        sender.seq += static_cast<std::uint32_t>(message.data.size());
        (message.from_server ? client : server).ack = sender.seq;
    }
    return out;
}

} // namespace l7::test
