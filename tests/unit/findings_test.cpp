// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/findings.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace l7;

namespace {

/// A router that is as it should be: HTB on eth0, rules into two of its classes, traffic seen.
DoctorFacts healthy() {
    DoctorFacts out;
    out.bpffs_mounted = true;
    out.jit = true;
    out.net_rx = {5000, 4000};
    out.mark_mask = 0xff00;
    out.rules = {{3, 0x10010, 0x1000}, {7, 0x10020, {}}};
    out.policy_rules = {{100, 4, 0x1, 0xff, 7}};
    out.flowtables.emplace();
    DaemonFacts daemon;
    daemon.patterns = 200;
    daemon.records = 1000;
    daemon.tables = {{"flows", 100, 131072, 0}, {"newcomers", 10, 32768, 0}};
    daemon.tcp_flows = 100;
    daemon.tcp_one_sided = 3;
    daemon.packets = 100000;
    daemon.unknown_packets = 5000;
    out.daemon = daemon;
    DeviceFacts device;
    device.name = "eth0";
    device.ingress.attached = device.egress.attached = true;
    device.ingress.device_packets = device.ingress.our_packets = 500;
    device.egress.device_packets = device.egress.our_packets = 400;
    device.root_qdisc = "htb";
    device.root_handle = 0x10000;
    device.classes = {0x10001, 0x10010, 0x10020};
    device.hw_tc_offload = device.lro = false;
    device.forwards4 = device.forwards6 = true;
    device.sizes = {1500, 65536, 65536, 65536, 65536, 65535};
    device.htb = {{0x10001, 0x10000, false, 6250000, 6250000, 62500, 62500, 12500, 900000, 0},
                  {0x10010, 0x10001, true, 250000, 6250000, 3200, 62500, 1514, 300000, 200},
                  {0x10020, 0x10001, true, 5000000, 6250000, 50000, 62500, 10000, 600000, 400}};
    device.ifb = {"l7-eth0", device.sizes, device.htb};
    out.devices = {device};
    out.tunnels = {{"wan0", "gre", 1476, 24, "eth0", 1500}};
    return out;
}

/// The gravest finding of a check.
Finding finding(const DoctorFacts &facts, const std::string &check) {
    const auto all = diagnose(facts);
    const auto at = std::ranges::find(all, check, &Finding::check);
    return at == all.end() ? Finding{Severity::Ok, "none", {}, {}, {}, {}, {}} : *at;
}

std::ptrdiff_t count(const DoctorFacts &facts, Severity severity) {
    return std::ranges::count(diagnose(facts), severity, &Finding::severity);
}

ProgramFacts program(const char *kind, ProgramFacts::Ends ends) {
    return {"other", kind, 17, ends, {}};
}

} // namespace

TEST_CASE("doctor: a healthy router has nothing but ok") {
    const auto all = diagnose(healthy());
    CHECK(all.size() > 12);
    for (const Finding &one : all) {
        INFO(to_text(one));
        CHECK(one.severity == Severity::Ok);
        CHECK(one.advice.empty());
        CHECK(!one.looked_at.empty());
        CHECK(!one.found.empty());
    }
}

TEST_CASE("doctor: every problem and warning says what to do") {
    DoctorFacts facts = healthy();
    facts.devices[0].egress.attached = false;
    facts.devices[0].up = false;
    facts.devices[0].ingress.our_packets = 0;
    facts.devices[0].ingress.before = {program("xdp", ProgramFacts::Ends::Always)};
    facts.bpffs_mounted = false;
    facts.jit = false;
    facts.net_rx = {90000, 1};
    facts.daemon->records_lost = 500;
    facts.daemon->rejected = {"a.pat:2: bad", "b.pat:2: bad", "c.pat:2: bad", "d.pat:2: bad"};
    facts.daemon->tables[0].used = 131000;
    facts.daemon->tcp_one_sided = 30;
    facts.daemon->unknown_packets = 90000;
    CHECK(count(facts, Severity::Problem) == 5);
    CHECK(count(facts, Severity::Warning) == 7);
    const auto all = diagnose(facts);
    CHECK(std::ranges::is_sorted(all, std::ranges::greater{}, &Finding::severity));
    for (const Finding &one : all)
        CHECK(one.advice.empty() == (one.severity == Severity::Ok));
}

TEST_CASE("doctor: without a daemon, and in bypass") {
    DoctorFacts facts = healthy();
    facts.daemon->bypass = true;
    CHECK(finding(facts, "daemon").severity == Severity::Problem);
    facts.daemon.reset();
    facts.daemon_trouble = "connection refused";
    CHECK(finding(facts, "daemon").found.find("connection refused") != std::string::npos);
    CHECK(finding(facts, "sees-packets").check == "none"); // nobody knows what we counted
    CHECK(finding(facts, "classes").severity == Severity::Ok);
    CHECK(count(facts, Severity::Problem) == 1);
}

TEST_CASE("doctor: hooks") {
    DoctorFacts facts = healthy();
    DeviceFacts &device = facts.devices[0];
    device.egress.attached = false;
    CHECK(finding(facts, "egress").severity == Severity::Problem);
    facts.rules.clear(); // only looking: one hook is a choice
    CHECK(finding(facts, "attached").severity == Severity::Info);
    device.egress.in_place = false;
    CHECK(finding(facts, "attached").severity == Severity::Problem);
    device.egress.in_place = true;
    device.ingress.attached = false;
    CHECK(finding(facts, "attached").severity == Severity::Problem);
    device.ingress.known = false;
    CHECK(finding(facts, "attached").severity == Severity::Info);
    device.present = false;
    CHECK(finding(facts, "attached").severity == Severity::Problem);
    facts.devices.clear();
    CHECK(finding(facts, "attached").severity == Severity::Problem);
}

TEST_CASE("doctor: what the device counts and we do not") {
    DoctorFacts facts = healthy();
    HookFacts &hook = facts.devices[0].ingress;
    hook.our_packets = 240;
    const Finding missing = finding(facts, "sees-packets");
    CHECK(missing.severity == Severity::Problem);
    CHECK(missing.numbers[0] == std::pair<std::string, double>{"device", 500});
    CHECK(missing.numbers[1] == std::pair<std::string, double>{"accounted", 240});
    hook.our_packets = 250; // the counters are read a moment apart
    CHECK(finding(facts, "sees-packets").severity == Severity::Ok);
    hook.our_packets = 9000; // a GSO packet is many of ours
    CHECK(finding(facts, "sees-packets").severity == Severity::Ok);
    hook.device_packets = 19;
    hook.our_packets = 0;
    CHECK(finding(facts, "sees-packets").severity == Severity::Info);
}

TEST_CASE("doctor: classes that rules name") {
    DoctorFacts facts = healthy();
    facts.rules.push_back({9, 0x100ff, {}});
    Finding found = finding(facts, "classes");
    CHECK(found.severity == Severity::Problem);
    CHECK(found.found.find("1:ff (rule in line 9)") != std::string::npos);
    facts.classes_elsewhere["ifb0"] = {0x100ff}; // ingress shaping
    CHECK(finding(facts, "classes").severity == Severity::Info);
    facts.classes_elsewhere.clear();
    facts.devices[0].classes.clear();
    facts.devices[0].root_qdisc = "fq_codel";
    found = finding(facts, "root-qdisc");
    CHECK(found.severity == Severity::Problem);
    CHECK(found.numbers[1] == std::pair<std::string, double>{"missing", 3});
    facts.devices[0].root_qdisc = "cake"; // its tins are no classes
    CHECK(finding(facts, "classes").severity == Severity::Ok);
    facts.devices[0].root_handle = 0x80010000;
    CHECK(finding(facts, "classes").severity == Severity::Problem);
    facts.rules.clear();
    CHECK(finding(facts, "classes").severity == Severity::Info);
}

TEST_CASE("doctor: programs before ours") {
    DoctorFacts facts = healthy();
    HookFacts &hook = facts.devices[0].egress;
    hook.before = {program("tcx", ProgramFacts::Ends::Always)};
    CHECK(finding(facts, "chain").severity == Severity::Problem);
    hook.before = {program("tcx", ProgramFacts::Ends::Never)};
    CHECK(finding(facts, "chain").severity == Severity::Ok);
    hook.before = {program("clsact", ProgramFacts::Ends::Unknown)};
    CHECK(finding(facts, "chain").severity == Severity::Info);
    hook.before[0].runs = 1000;
    hook.our_runs = 400; // what happens is worth more than what the code looks like
    CHECK(finding(facts, "chain").severity == Severity::Problem);
    hook.our_runs = 900;
    const Finding some = finding(facts, "chain");
    CHECK(some.severity == Severity::Info);
    CHECK(some.found.find("90 %") != std::string::npos);
    hook.before[0].runs = 3; // too few to say
    hook.our_runs = 0;
    CHECK(finding(facts, "chain").severity == Severity::Info);
}

TEST_CASE("doctor: marks that policy routing looks at") {
    DoctorFacts facts = healthy();
    facts.policy_rules.push_back({101, 6, 0x1000, 0xffffffff, 100});
    CHECK(finding(facts, "policy-routing").severity == Severity::Problem);
    facts.policy_rules.back().mask = 0xffff00ff;
    CHECK(finding(facts, "policy-routing").severity == Severity::Ok);
    facts.policy_rules.back().mask = 0x0100;
    facts.rules = {{3, 0x10010, {}}}; // nothing is ever written there
    CHECK(finding(facts, "policy-routing").severity == Severity::Info);
}

TEST_CASE("doctor: offload") {
    DoctorFacts facts = healthy();
    facts.flowtables->push_back({"inet fw/ft", {"eth0"}, false});
    CHECK(finding(facts, "flowtable").severity == Severity::Ok);
    facts.flowtables->push_back({"inet fw/hw", {"eth0"}, true});
    CHECK(finding(facts, "flowtable").severity == Severity::Problem);
    facts.flowtables.reset();
    CHECK(finding(facts, "flowtable").severity == Severity::Info);
    facts.devices[0].hw_tc_offload = true;
    CHECK(finding(facts, "hw-offload").severity == Severity::Ok);
    facts.devices[0].hw_filters = 2;
    CHECK(finding(facts, "hw-offload").severity == Severity::Problem);
}

TEST_CASE("doctor: shares are judged from enough only") {
    DoctorFacts facts = healthy();
    facts.daemon->tcp_one_sided = 60;
    CHECK(finding(facts, "both-directions").severity == Severity::Problem);
    facts.daemon->tcp_flows = facts.daemon->tcp_one_sided = 3;
    CHECK(finding(facts, "both-directions").severity == Severity::Info);
    facts.daemon->packets = facts.daemon->unknown_packets = 900;
    CHECK(finding(facts, "unknown-share").severity == Severity::Info);
    facts.daemon->records_lost = 1;
    CHECK(finding(facts, "ring").severity == Severity::Warning);
    facts.daemon->tables[1].failed = 1;
    CHECK(finding(facts, "tables").severity == Severity::Warning);
    facts.net_rx = {90000};
    CHECK(finding(facts, "interrupts").severity == Severity::Ok); // there is no other CPU
    facts.net_rx.clear();
    CHECK(finding(facts, "interrupts").severity == Severity::Ok);
}

TEST_CASE("doctor: what is merged on reception and forwarded") {
    DoctorFacts facts = healthy();
    facts.devices[0].lro = true;
    CHECK(finding(facts, "lro").severity == Severity::Problem);
    CHECK(finding(facts, "lro").advice == "ethtool -K eth0 lro off");
    facts.devices[0].forwards4 = false;
    CHECK(finding(facts, "lro").severity == Severity::Problem); // IPv6 is enough
    facts.devices[0].forwards6 = false;
    CHECK(finding(facts, "lro").severity == Severity::Ok);
    facts.devices[0].lro.reset();
    CHECK(finding(facts, "lro").check == "none");
}

TEST_CASE("doctor: packets of more than 64 KiB") {
    DoctorFacts facts = healthy();
    PacketSizes &sizes = facts.devices[0].sizes;
    sizes.gso_ipv4_max_size = 200000; // IPv4 has no such trouble
    CHECK(finding(facts, "packet-sizes").severity == Severity::Ok);
    sizes.gso_max_size = 200000;
    CHECK(finding(facts, "packet-sizes").severity == Severity::Info);
    facts.too_big6 = 3;
    const Finding refused = finding(facts, "packet-sizes");
    CHECK(refused.severity == Severity::Warning);
    CHECK(refused.numbers.back() == std::pair<std::string, double>{"too_big", 3});
    CHECK(refused.advice.find("gso_max_size 65536") != std::string::npos);
    facts.devices[0].forwards6 = false;
    CHECK(finding(facts, "packet-sizes").severity == Severity::Ok);
    sizes = {};
    CHECK(finding(facts, "packet-sizes").check == "none"); // an old kernel says nothing
}

TEST_CASE("doctor: an IFB that cuts what comes in") {
    DoctorFacts facts = healthy();
    facts.devices[0].ifb->sizes.mtu = 1280; // it does not matter there
    CHECK(finding(facts, "ifb-sizes").severity == Severity::Ok);
    facts.devices[0].ifb->sizes.gso_max_size = facts.devices[0].ifb->sizes.gso_ipv4_max_size = 8000;
    CHECK(finding(facts, "ifb-sizes").severity == Severity::Warning);
    CHECK(finding(facts, "ifb-sizes").advice == "ip link set dev l7-eth0 gso_max_size 65536");
    facts.devices[0].sizes.gro_max_size = facts.devices[0].sizes.gro_ipv4_max_size = 8000;
    CHECK(finding(facts, "ifb-sizes").severity == Severity::Ok);
    facts.devices[0].ifb.reset();
    CHECK(finding(facts, "ifb-sizes").check == "none");
}

TEST_CASE("doctor: bursts that are over before the next packet is sent") {
    DoctorFacts facts = healthy();
    HtbClassFacts &fast = facts.devices[0].htb[2];
    fast.rate = fast.ceil = 125000000;
    fast.burst = fast.cburst = 1600; // what tc gives unasked
    const Finding found = finding(facts, "class-bursts");
    CHECK(found.severity == Severity::Warning);
    CHECK(found.found.find("class 1:20:") != std::string::npos);
    CHECK(found.advice.find("classid 1:20 ... burst 1250000b cburst 1250000b") !=
          std::string::npos);
    fast.burst = fast.cburst = 125000;
    CHECK(finding(facts, "class-bursts").severity == Severity::Ok);
    fast.cburst = 124000;
    CHECK(finding(facts, "class-bursts").severity == Severity::Warning);
    fast.rate = fast.ceil = 62000000; // slower ones lose nothing
    CHECK(finding(facts, "class-bursts").severity == Severity::Ok);
}

TEST_CASE("doctor: GSO packets in a class") {
    DoctorFacts facts = healthy();
    HtbClassFacts &slow = facts.devices[0].htb[1]; // 2 mbit/s
    slow.handed = 20;
    slow.bytes = 20 * 20000; // 80 ms each, more than its quantum
    Finding found = finding(facts, "class-packets");
    CHECK(found.severity == Severity::Info);
    CHECK(found.found.find("20000 bytes on average, 80 ms") != std::string::npos);
    CHECK(found.found.find("packet by packet") != std::string::npos);
    slow.bytes = 20 * 26000;
    found = finding(facts, "class-packets");
    CHECK(found.severity == Severity::Warning);
    CHECK(found.found.find("waits that long, and its quantum") != std::string::npos);
    CHECK(found.numbers.back() == std::pair<std::string, double>{"milliseconds", 104});
    CHECK(found.advice.find("dev eth0 gso_max_size 3000") != std::string::npos); // two packets
    slow.quantum = 60000;
    CHECK(finding(facts, "class-packets").advice.find("gso_max_size 25000") != std::string::npos);
    CHECK(finding(facts, "class-packets").found.find("quantum") == std::string::npos);
    slow.handed = 19; // too few to say
    CHECK(finding(facts, "class-packets").severity == Severity::Ok);
    slow.handed = 600;
    slow.bytes = 600 * 1500;
    slow.rate = 10000; // slow it is, but no GSO
    CHECK(finding(facts, "class-packets").severity == Severity::Ok);
    facts.devices[0].ifb->htb[1].bytes = 200 * 26000;
    found = finding(facts, "class-packets");
    CHECK(found.severity == Severity::Warning);
    CHECK(found.advice.find("dev eth0 gro_max_size") !=
          std::string::npos); // the IFB gets what GRO made
    facts.devices[0].ifb->htb[1].quantum = 1514;
    facts.devices[0].ifb->htb = {facts.devices[0].ifb->htb[1]}; // with nobody it would share with
    CHECK(finding(facts, "class-packets").found.find("quantum") == std::string::npos);
}

TEST_CASE("doctor: tunnels that do not fit") {
    DoctorFacts facts = healthy();
    facts.tunnels[0].mtu = 1477;
    const Finding found = finding(facts, "tunnel-mtu");
    CHECK(found.severity == Severity::Warning);
    CHECK(found.dev == "wan0");
    CHECK(found.advice == "ip link set dev wan0 mtu 1476");
    facts.tunnels.clear();
    CHECK(finding(facts, "tunnel-mtu").check == "none");
}

TEST_CASE("doctor: a finding as JSON, whatever others call their things") {
    DoctorFacts facts = healthy();
    facts.devices[0].ingress.before = {program("tcx", ProgramFacts::Ends::Always)};
    facts.devices[0].ingress.before[0].name = "\xff\"\n";
    for (const Finding &one : diagnose(facts)) {
        const auto json = nlohmann::json::parse(to_json(one));
        CHECK(json["severity"] == severity_name(one.severity));
        CHECK(json["check"] == one.check);
        CHECK(json["numbers"].size() == one.numbers.size());
        CHECK(to_json(one).find('\n') == std::string::npos);
    }
}
