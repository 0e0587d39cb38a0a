// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/config.hpp"
#include "core/report/flow_record.hpp"
#include "export/collector.hpp"
#include "export/exporter.hpp"
#include "export/ipfix.hpp"

#include <arpa/inet.h>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/socket.h>

using namespace l7;

namespace {

l7_flow_entry entry_of(std::uint64_t packets, std::uint32_t flags = L7_F_SYN_0,
                       std::uint32_t born = 1000) {
    l7_flow_entry out{};
    out.key.family = 4;
    out.key.l4 = L7_IPPROTO_TCP;
    inet_pton(AF_INET, "192.0.2.1", &out.key.addr[0][3]);
    inet_pton(AF_INET, "192.0.2.2", &out.key.addr[1][3]);
    out.key.port[0] = htons(443);
    out.key.port[1] = htons(40000);
    out.flow.flags = flags | L7_F_INITIATOR_1;
    out.flow.born = born;
    out.flow.seen[0] = born + 100;
    out.flow.seen[1] = born + 200;
    out.flow.packets[0] = packets;
    out.flow.packets[1] = 2 * packets;
    out.flow.bytes[0] = 100 * packets;
    out.flow.bytes[1] = 1000 * packets;
    out.flow.owner[0] = 1 + L7_INGRESS; // slot 0
    out.flow.reason = L7_REASON_DISSECTOR;
    out.now = born + 250;
    return out;
}

constexpr std::uint32_t kEnded = L7_F_SYN_0 | L7_F_SYN_1 | L7_F_FIN_0 | L7_F_FIN_1;

struct Book {
    std::vector<FlowClosing> out;
    FlowBook book{[this](FlowClosing &&one) { out.push_back(one); }};
};

FlowRecord record_of(std::uint8_t family = 4) {
    FlowRecord out;
    out.family = family;
    inet_pton(family == 4 ? AF_INET : AF_INET6, family == 4 ? "192.0.2.2" : "2001:db8::2",
              out.source.data());
    inet_pton(family == 4 ? AF_INET : AF_INET6, family == 4 ? "192.0.2.1" : "2001:db8::1",
              out.target.data());
    out.sport = 40000;
    out.dport = 443;
    out.l4 = L7_IPPROTO_TCP;
    out.end = EndReason::End;
    out.amounts = {{3, 4}, {300, 0x123456789}};
    out.start_ms = 1'700'000'000'123;
    out.end_ms = 1'700'000'001'456;
    out.protocol = "tls";
    out.protocol_number = 20;
    out.application = "example";
    out.application_number = 7;
    return out;
}

/// Reads big-endian numbers and sets of an IPFIX message, independently of libfixbuf.
struct Bytes {
    const std::uint8_t *at;
    const std::uint8_t *end;

    std::uint64_t number(unsigned size) {
        std::uint64_t out = 0;
        REQUIRE(end - at >= static_cast<std::ptrdiff_t>(size));
        for (; size; size--)
            out = out << 8 | *at++;
        return out;
    }
    Bytes part(std::size_t size) {
        REQUIRE(static_cast<std::size_t>(end - at) >= size);
        const Bytes out{at, at + size};
        at += size;
        return out;
    }
};

/// A UDP socket on loopback, at a free port or at this one.
class UdpPort {
  public:
    explicit UdpPort(std::uint16_t port = 0)
        : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        at_.sin_family = AF_INET;
        at_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        at_.sin_port = htons(port);
        socklen_t size = sizeof(at_);
        auto *at = reinterpret_cast<sockaddr *>(&at_);
        REQUIRE(bind(fd_.get(), at, size) == 0);
        REQUIRE(getsockname(fd_.get(), at, &size) == 0);
    }

    std::uint16_t port() const { return ntohs(at_.sin_port); }

    /// The sets' ids of all messages that have come.
    std::set<std::uint64_t> sets() const {
        std::set<std::uint64_t> out;
        std::array<std::uint8_t, 2048> message{};
        ssize_t got = 0;
        while ((got = recv(fd_.get(), message.data(), message.size(), 0)) > 0) {
            Bytes rest{message.data() + 16, message.data() + got};
            while (rest.at < rest.end) {
                out.insert(rest.number(2));
                rest.at += rest.number(2) - 4;
            }
        }
        return out;
    }

  private:
    Fd fd_;
    sockaddr_in at_{};
};

struct Field {
    std::uint32_t id; ///< enterprise << 16 | element
    std::uint16_t size;
};

struct Parsed {
    std::map<std::uint16_t, std::vector<Field>> templates;
    std::vector<std::map<std::uint32_t, std::string>> records;

    void take(const IpfixMessage &message) {
        Bytes all{message.bytes.data(), message.bytes.data() + message.bytes.size()};
        REQUIRE(all.number(2) == 10);
        REQUIRE(all.number(2) == message.bytes.size());
        all.part(12);
        while (all.at != all.end) {
            const auto id = static_cast<std::uint16_t>(all.number(2));
            Bytes set = all.part(all.number(2) - 4);
            if (id == 2 || id == 3)
                while (set.end - set.at >= 4)
                    take_template(set, id == 3);
            else
                while (set.end - set.at >= 8)
                    take_record(set, templates.at(id));
        }
    }

    void take_template(Bytes &set, bool options) {
        const auto id = static_cast<std::uint16_t>(set.number(2));
        const auto count = set.number(2);
        if (options)
            CHECK(set.number(2) == 1);
        templates[id].clear();
        for (std::uint64_t i = 0; i < count; i++) {
            auto element = static_cast<std::uint32_t>(set.number(2));
            const auto size = static_cast<std::uint16_t>(set.number(2));
            if (element & 0x8000)
                element = (element & 0x7fff) | static_cast<std::uint32_t>(set.number(4)) << 16;
            templates[id].push_back({element, size});
        }
    }

    void take_record(Bytes &set, const std::vector<Field> &fields) {
        auto &record = records.emplace_back();
        for (const Field &field : fields) {
            const Bytes value = set.part(field.size == 65535 ? set.number(1) : field.size);
            record[field.id] = std::string(value.at, value.end);
        }
    }
};

std::uint64_t number(const std::string &text) {
    std::uint64_t out = 0;
    for (const char one : text)
        out = out << 8 | static_cast<std::uint8_t>(one);
    return out;
}

struct Directory {
    std::string path;
    Directory() {
        char name[] = "/tmp/l7-export-XXXXXX";
        REQUIRE(mkdtemp(name));
        path = name;
    }
    ~Directory() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("a flow's records add up to the flow") {
    Book b;
    b.book.begin_walk();
    b.book.met(entry_of(10), 100'000, 5000);
    CHECK(b.out.empty());
    b.book.met(entry_of(30), 105'000, 5000);
    REQUIRE(b.out.size() == 1);
    CHECK(b.out[0].reason == EndReason::Active);
    CHECK(b.out[0].amounts.packets[0] == 30);
    b.book.met(entry_of(31), 106'000, 5000);
    b.book.force(entry_of(32), 107'000);
    b.book.swept(entry_of(40, kEnded), 108'000);
    REQUIRE(b.out.size() == 3);
    CHECK(b.out[1].reason == EndReason::Forced);
    CHECK(b.out[2].reason == EndReason::End);
    CHECK(b.out[2].since_ms == 107'000);
    std::uint64_t bytes = 0;
    for (const FlowClosing &one : b.out)
        bytes += one.amounts.bytes[0] + one.amounts.bytes[1];
    CHECK(bytes == 40 * 1100);
    CHECK(b.book.size() == 0);
}

TEST_CASE("nothing new is no record") {
    Book b;
    b.book.force(entry_of(5), 1000);
    b.book.swept(entry_of(5), 2000);
    CHECK(b.out.size() == 1);
}

TEST_CASE("a flow that vanishes is reported after two walks, one that is replaced at once") {
    Book b;
    b.book.begin_walk();
    b.book.met(entry_of(10), 1000, 60'000);
    b.book.end_walk();
    b.book.begin_walk();
    b.book.end_walk();
    CHECK(b.out.empty());
    b.book.begin_walk();
    b.book.end_walk();
    REQUIRE(b.out.size() == 1);
    CHECK(b.out[0].reason == EndReason::Resources);
    CHECK(b.book.size() == 0);

    b.book.met(entry_of(10, kEnded), 2000, 60'000);
    b.book.met(entry_of(3, L7_F_SYN_0, 5000), 3000, 60'000);
    REQUIRE(b.out.size() == 2);
    CHECK(b.out[1].reason == EndReason::End);
    CHECK(b.out[1].entry.flow.born == 1000);
    CHECK(b.book.size() == 1);
}

TEST_CASE("what was reported before a restart is not reported again") {
    Book before;
    before.book.force(entry_of(10), 1000);
    const auto marks = before.book.marks();
    REQUIRE(marks.size() == 1);
    Book after;
    after.book.restore(marks);
    after.book.swept(entry_of(15), 9000);
    REQUIRE(after.out.size() == 1);
    CHECK(after.out[0].amounts.packets[0] == 5);
    CHECK(after.out[0].since_ms == 1000);
    // A new flow by the same key owes nothing to the old one's marks; and those emit nothing.
    Book other;
    other.book.restore(marks);
    other.book.swept(entry_of(2, L7_F_SYN_0, 7777), 9000);
    REQUIRE(other.out.size() == 1);
    CHECK(other.out[0].amounts.packets[0] == 2);
}

TEST_CASE("a record and its JSON") {
    Knowledge knowledge;
    knowledge.protocols = std::make_shared<Protocols>();
    std::vector<l7_attachment> points(2);
    points[0] = {.ifindex = 4, .hook = L7_INGRESS, .mode = L7_ATTACH_TCX, .dev = "c0"};
    auto entry = entry_of(10, kEnded);
    const FlowRecord record = make_record(
        {entry, 1'000'000, {{10, 20}, {1000, 10000}}, 0, EndReason::End}, knowledge, points, 100);
    CHECK(address_text(record.source, 4) == "192.0.2.2");
    CHECK(record.sport == 40000);
    CHECK(record.first_ms == 997'500);
    CHECK(record.start_ms == 997'500);
    CHECK(record.end_ms == 999'500);
    CHECK(record.tcp_flags[0] == 3);
    CHECK(record.ingress.index == 4);
    CHECK(record.egress.name.empty());
    const auto json = nlohmann::json::parse(to_json(record));
    CHECK(json["src"] == "192.0.2.2");
    CHECK(json["dport"] == 443);
    CHECK(json["packets"] == 30);
    CHECK(json["bytes_received"] == 10000);
    CHECK(json["end_reason"] == "end");
    CHECK(json["ingress"] == "c0");
    FlowRecord odd = record;
    odd.hostname = "\xff\xfe";
    CHECK(nlohmann::json::accept(to_json(odd)));
}

TEST_CASE("IPFIX messages parsed back") {
    auto encoder = IpfixEncoder::make(42, 1400);
    REQUIRE(encoder);
    for (int i = 0; i < 20; i++) {
        REQUIRE((*encoder)->add(record_of(4)));
        REQUIRE((*encoder)->add(record_of(6)));
    }
    auto messages = (*encoder)->take();
    REQUIRE(messages);
    CHECK(messages->size() > 1);
    Parsed parsed;
    std::uint32_t flows = 0;
    for (const IpfixMessage &message : *messages) {
        CHECK(message.bytes.size() <= 1400);
        flows += message.records;
        parsed.take(message);
    }
    CHECK(flows == 40);
    REQUIRE(parsed.records.size() == 41); // and one name
    constexpr std::uint32_t kReverse = 29305U << 16;
    const auto &name = parsed.records[0];
    CHECK(name.at(96) == "tls/example");
    const auto &v4 = parsed.records[1];
    CHECK(v4.at(95) == name.at(95));
    CHECK(number(v4.at(95)) == (6U << 24 | 20U << 12 | 7U));
    CHECK(number(v4.at(8)) == 0xc0000202);
    CHECK(number(v4.at(7)) == 40000);
    CHECK(number(v4.at(11)) == 443);
    CHECK(number(v4.at(4)) == 6);
    CHECK(number(v4.at(1)) == 300);
    CHECK(number(v4.at(2)) == 3);
    CHECK(number(v4.at(kReverse | 1)) == 0x123456789);
    CHECK(number(v4.at(kReverse | 2)) == 4);
    CHECK(number(v4.at(152)) == 1'700'000'000'123);
    CHECK(number(v4.at(153)) == 1'700'000'001'456);
    CHECK(number(v4.at(136)) == 3);
    const auto &v6 = parsed.records[2];
    CHECK(v6.at(27).substr(0, 4) == std::string("\x20\x01\x0d\xb8", 4));
    CHECK(v6.at(27).back() == 2);

    // Again, for whom it did not reach: templates and names, and no flow.
    REQUIRE((*encoder)->repeat_templates());
    auto again = (*encoder)->take();
    REQUIRE(again);
    Parsed second;
    for (const IpfixMessage &message : *again)
        second.take(message);
    CHECK(second.templates.size() == 3);
    REQUIRE(second.records.size() == 1);
    CHECK(second.records[0].at(96) == "tls/example");
}

TEST_CASE("the queue is bounded, and what is in it is written at the end") {
    const Directory directory;
    ExportConfig config;
    config.json = directory.path + "/sub/flows.jsonl";
    config.queue = 16;
    std::uint64_t accepted = 0;
    {
        Exporter exporter(config);
        for (int i = 0; i < 100'000; i++)
            accepted += exporter.push(record_of()) ? 1 : 0;
        const ExportReport report = exporter.report();
        CHECK(report.records == accepted);
        CHECK(report.records + report.dropped == 100'000);
        CHECK(report.dropped > 0);
        CHECK(report.waiting <= 16);
    }
    std::ifstream in(config.json);
    std::uint64_t lines = 0;
    for (std::string line; std::getline(in, line); lines++)
        REQUIRE(nlohmann::json::accept(line));
    CHECK(lines == accepted);
}

TEST_CASE("lines that find no room are counted") {
    JsonLines full("/dev/full");
    std::uint64_t written = 0, lost = 0;
    full.add("{}");
    full.add("{}");
    CHECK_FALSE(full.flush(written, lost));
    CHECK(written == 0);
    CHECK(lost == 2);
    JsonLines nowhere("/proc/nowhere/x");
    nowhere.add("{}");
    CHECK_FALSE(nowhere.flush(written, lost));
    CHECK(lost == 3);
}

TEST_CASE("a collector that comes back over UDP is told the templates, however quietly it went") {
    auto collector = std::make_unique<UdpPort>();
    Collector ours({false, "127.0.0.1", collector->port()}, 1, 3'600'000);
    std::uint64_t now = 1000;
    const auto report = [&] {
        ours.add(record_of());
        ours.pump(now += 500);
    };
    ours.pump(now);
    report();
    CHECK(collector->sets() == std::set<std::uint64_t>{2, 3, 256, 258});
    report();
    CHECK(collector->sets() == std::set<std::uint64_t>{256});

    const std::uint16_t port = collector->port();
    collector.reset();
    while (ours.counters().errors ==
           0) // the first datagram is refused, and a later one hears of it
        report();
    CHECK(ours.counters().lost > 0);
    // Who refuses says so for some datagrams only: icmp_ratelimit. This port takes and forgets.
    auto silence = std::make_unique<UdpPort>(port);
    for (unsigned i = 0; i < 8; i++)
        report();
    silence.reset();

    const UdpPort back(port);
    for (unsigned i = 0; i < 4; i++)
        report();
    CHECK(back.sets().contains(2));
    for (unsigned i = 0; i < 100; i++) // all is well again
        report();
    back.sets();
    report();
    CHECK(back.sets() == std::set<std::uint64_t>{256});
}

TEST_CASE("[export] is read") {
    const auto config = parse_config(
        "[export]\njson = \"/x\"\nipfix = \"tcp://[2001:db8::9]:99\"\nactive = 7\nflush = false\n",
        "x.toml");
    REQUIRE(config);
    CHECK(config->exporting.json == "/x");
    CHECK(config->exporting.ipfix == CollectorAddress{true, "2001:db8::9", 99});
    CHECK(config->exporting.active == 7);
    CHECK_FALSE(config->exporting.flush);
    CHECK(parse_collector("udp://192.0.2.9") == CollectorAddress{false, "192.0.2.9", 4739});
    for (const char *bad : {"", "udp://", "http://192.0.2.9", "udp://name:4739",
                            "udp://192.0.2.9:", "udp://192.0.2.9:0", "udp://192.0.2.9:70000",
                            "udp://192.0.2.9:1x", "tcp://[2001:db8::9", "tcp://[192.0.2.9]:1",
                            "tcp://[2001:db8::9]x1", "udp://2001:db8::9"})
        CHECK_FALSE(parse_collector(bad));
    CHECK_FALSE(parse_config("[export]\njson = \"relative\"\n", "x.toml"));
    CHECK_FALSE(parse_config("[export]\nactive = 0\n", "x.toml"));
}
