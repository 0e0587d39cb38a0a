# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules on real traffic: by name, address, rate and DSCP; class, mark, DSCP, drop at tc and in XDP, keep; connection
marks; and accounting that adds up."""

import json
import re
import socket
import struct
import time

from support import clients, servers
from support.l7ctl import L7ctl, classes, make_htb
from support.netlab import (Lab, LabError, NotTestable, check, expect_equal, expect_in, main, run, wait_for)


def test_names_addresses_and_dscp():
    """The client sees the DSCP that the router's rules write, by host name and by server's address."""
    config = """
[[rule]]
hostname = "*.video.example"
classid = "1:10"
set_dscp = "AF41"
[[rule]]
address = "2001:db8:2::2"
protocol = "http"
mark = "0x2000/0x3000"
set_dscp = 8
[[rule]]
dscp = "CS1"
classid = "1:20"
"""
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        for dev in ("c0", "s0"):
            make_htb(router, dev, ["10", "20"])
        with L7ctl(router, config).start() as l7ctl, Sniffer(client, "eth0") as seen:
            for dev in ("c0", "s0"):
                l7ctl.attach(dev)
            # Most of it comes after the verdict.
            clients.http(client, web, server.ip4, hold=1, rate=1_000_000, host="cdn.video.example")
            clients.http(client, web, server.ip6, hold=1, rate=1_000_000)
            wait_for(lambda: len(l7ctl.flows("protocol", "http")) >= 2, "two http flows")
            flows = {flow["dst"]: flow for flow in l7ctl.flows("protocol", "http")}
            expect_equal(flows[server.ip4]["classid"], "1:10", "the class by host name")
            expect_equal(flows[server.ip6]["mark"], 0x2000, "the mark by address")
            expect_in(34, wait_for(lambda: seen.dscps(server.ip4) - {0}, "a DSCP from IPv4"), "AF41 on IPv4")
            expect_in(8, wait_for(lambda: seen.dscps(server.ip6) - {0}, "a DSCP from IPv6"), "CS1 on IPv6")
            # What came in with a DSCP written at s0's ingress leaves c0 by the rule that asks for it.
            expect_equal(l7ctl.status()["counters"]["dscp_failed"], 0, "DSCPs that were not written")
            check(classes(router, "c0")["1:10"][0] > 100, "nothing in the class of the host name")
            by_line = {row["line"]: row["packets"] for row in l7ctl.json("stats", "by", "rule")}
            check(by_line[2] > 100 and by_line[6] > 100, f"rules' hits: {by_line}")


SO_RCVBUFFORCE, ETH_HLEN = 33, 14


class Sniffer:
    """Packets that a device receives, seen by a socket of the test's own."""

    def __init__(self, namespace, dev):
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)  # for all that comes before it is read
        self.socket.bind((dev, 3))
        self.socket.setblocking(False)
        self.packets = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def dscps(self, source):
        """Of the packets from an address so far; their IPv4 header checksums must be right."""
        while True:
            try:
                self.packets.append(self.socket.recv(256))
            except BlockingIOError:
                break
        out = set()
        for packet in self.packets:
            kind = packet[12:14]
            if kind == b"\x08\x00" and socket.inet_ntop(socket.AF_INET, packet[26:30]) == source:
                check(header_sum(packet[14:34]) == 0, f"a wrong checksum: {packet[14:34].hex()}")
                out.add(packet[15] >> 2)
            elif kind == b"\x86\xdd" and socket.inet_ntop(socket.AF_INET6, packet[22:38]) == source:
                out.add((packet[14] & 15) << 2 | packet[15] >> 6)
        return out


def header_sum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def test_drop_and_keep_take_effect_on_live_flows():
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        make_htb(router, "c0", ["10"])
        with L7ctl(router, '[[rule]]\nprotocol = "http"\nclassid = "1:10"\n').start() as l7ctl:
            l7ctl.attach("c0")
            held = download(client, web, server.ip4, 200_000)
            wait_for(lambda: [flow for flow in l7ctl.flows("protocol", "http") if flow["bytes"] > 200_000],
                     "a live http flow")
            l7ctl.config.write_text('[[rule]]\nport = [9]\nkeep = true\n[[rule]]\nprotocol = "http"\ndrop = true\n')
            l7ctl.run("reload")
            begun = time.monotonic()
            wait_for(lambda: l7ctl.counter("rules_dropped") > 0, "packets of the live flow to be dropped")
            check(time.monotonic() - begun < 1, "a reload took more than a second to reach a live flow")
            before = classes(router, "c0")["1:10"]
            expect_equal(fails(client, web, server.ip6), True, "whether a new flow is dropped")
            expect_equal(classes(router, "c0")["1:10"], before, "what the class got after the reload")
            l7ctl.config.write_text('[[rule]]\nprotocol = "http"\nkeep = true\n[[rule]]\nmark = 0x1100\n')
            l7ctl.run("reload")
            clients.http(client, web, server.ip6)
            wait_for(lambda: l7ctl.flows("protocol", "http", "host", server.ip6), "an http flow over IPv6")
            expect_equal({flow["mark"] for flow in l7ctl.flows("protocol", "http")}, {0}, "marks of what is kept")
            held.stop()


def download(client, web, address, rate):
    """One that goes on, at so many bytes a second."""
    return client.popen(["curl", "-s", "-o", "/dev/null", f"http://{clients.in_url(address)}:{web.port}/bulk?rate={rate}"],
                        name="download")


def fails(client, web, address):
    got = client.run(["curl", "-s", "-o", "/dev/null", "--max-time", "2",
                      f"http://{clients.in_url(address)}:{web.port}/bulk?rate=1000000"], check=False)
    return got.returncode != 0


def test_xdp_drops_what_is_judged():
    """IPv4 and IPv6; a program of somebody else's stays; nothing is left after detach."""
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        shell = servers.Sshd(server)
        shell.start()
        with L7ctl(router, '[[rule]]\nprotocol = "http"\ndrop = true\n').start() as l7ctl:
            l7ctl.attach("s0", "both", "xdp")
            ingress = l7ctl.status()["devices"][0]["ingress"]
            expect_in(ingress["xdp"], ("native", "generic"), "the way of XDP")
            expect_in("prog/xdp", router.output(["ip", "-d", "link", "show", "s0"]), "the device")
            for address in (server.ip4, server.ip6):
                dropped = l7ctl.counter("xdp_dropped")
                check(fails(client, web, address), f"http to {address} was not dropped")
                wait_for(lambda dropped=dropped: l7ctl.counter("xdp_dropped") > dropped, f"XDP to drop from {address}")
                clients.ssh(client, shell, address)  # everything else passes
            rows = {row["protocol"]: row for row in l7ctl.json("stats", "dev", "s0") if row["direction"] == "ingress"}
            check(rows["http"]["packets"] >= l7ctl.counter("xdp_dropped"), "what XDP dropped is not accounted for")
            expect_equal(l7ctl.run("attach", "dev", "c0", "egress", "xdp", check=False).returncode, 2, "exit status")
            # A daemon that returns takes the program over.
            l7ctl.process.stop()
            l7ctl.start()
            dropped = l7ctl.counter("xdp_dropped")
            check(fails(client, web, server.ip4), "http was not dropped after the daemon's return")
            wait_for(lambda: l7ctl.counter("xdp_dropped") > dropped, "XDP to drop again")
            l7ctl.detach("s0")
            shown = router.output(["ip", "-d", "link", "show", "s0"])
            check("xdp" not in shown, f"XDP is left: {shown}")
            clients.http(client, web, server.ip4)


def test_a_rate_changes_the_class_within_100_ms():
    """A datagram flow that gets fast, and slow again, is looked at while its rate crosses the boundary."""
    config = """
[rates]
hysteresis = 10
[[rule]]
port = 5004
rate = "1M:"
classid = "1:10"
[[rule]]
port = 5004
classid = "1:20"
"""
    with Lab() as lab:
        client, router, server = lab.router()
        make_htb(router, "s0", ["10", "20"])
        with L7ctl(router, config).start() as l7ctl:
            l7ctl.attach("s0")
            sender = client.popen(["/usr/bin/python3", "-c", SENDER, server.ip4, "5004"], name="sender")
            looks = []
            while sender.running():
                flows = l7ctl.flows("port", "5004")
                looks += [(time.monotonic(), flow["rate"], flow["classid"]) for flow in flows]
            check(len(looks) > 50, f"only {len(looks)} looks")
            expect_equal(looks[0][2], "1:20", "the class at first")
            # Hysteresis: up at 1 MB/s, down below 0.9.
            up = crossing(looks, lambda rate: rate > 1_000_000, "1:10")
            down = crossing([look for look in looks if look[0] > up], lambda rate: rate < 900_000, "1:20")
            counted = classes(router, "s0")
            check(counted["1:10"][0] > 500 and counted["1:20"][0] > 50, f"classes: {counted}")
            check(down > up, "never went back")


def crossing(looks, over, classid):
    """When the rate first was over the boundary; the class must have followed within 100 ms."""
    first = next(when for when, rate, _ in looks if over(rate))
    changed = next(when for when, _, its in looks if its == classid)
    check(changed - first <= 0.1, f"{classid} came {changed - first:.3f} s after the rate")
    return first


SENDER = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
begun, sent = time.monotonic(), 0
while (at := time.monotonic() - begun) < 9:
    # bytes that are due by now: 100 kB/s, from the second second to the fifth 4 MB/s, and then slow again
    due = 100_000 * at + 3_900_000 * min(max(at - 1, 0), 4)
    while sent < due:
        s.sendto(bytes(1200), (sys.argv[1], int(sys.argv[2])))
        sent += 1200
    time.sleep(0.002)
"""


def test_connection_marks_with_nat():
    """nftables sees the verdict in the connection's mark, and bits of others stay, behind masquerading too."""
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        rules = """
table inet lab {
  chain post { type nat hook postrouting priority srcnat
               oifname "s0" masquerade
  }
  counter ours { }
  chain watched {
    type filter hook forward priority 0;
    ct mark set ct mark or 0x1
    ct mark and 0xff00 == 0x4200 counter name "ours"
  }
}
"""
        if router.run(["nft", "-f", "-"], stdin=rules.encode(), check=False).returncode != 0:
            raise NotTestable("this kernel's nftables has no ct mark or no masquerading")
        config = '[conntrack]\nmark = true\n[[rule]]\nprotocol = "http"\nmark = 0x4200\n'
        with L7ctl(router, config).start() as l7ctl:
            for dev in ("c0", "s0"):
                l7ctl.attach(dev)
            for address in (server.ip4, server.ip6):
                clients.http(client, web, address)
            wait_for(lambda: l7ctl.status()["conntrack"]["marked"] >= 2, "connections to be marked")
            for family in ("ipv4", "ipv6"):
                listed = router.output(["conntrack", "-L", "-f", family, "-p", "tcp"])
                marks = set(re.findall(r"mark=(\d+)", listed))
                expect_equal(marks, {str(0x4201)}, f"marks of {family}: {listed}")
            held = download(client, web, server.ip4, 100_000)
            wait_for(lambda: counted(router, "ours") > 10, "nftables to see the mark on packets")
            # Flows that go on when rules change get the new mark.
            l7ctl.config.write_text(config.replace("0x4200", "0x4300"))
            l7ctl.run("reload")
            wait_for(lambda: f"mark={0x4301}" in router.output(["conntrack", "-L", "-p", "tcp"]), "the new mark")
            held.stop()
            expect_equal(l7ctl.status()["conntrack"]["failed"], 0, "marks that failed")


def counted(namespace, name):
    """Packets of one of nftables' counters."""
    shown = json.loads(namespace.output(["nft", "-j", "list", "counters"]))
    return next(entry["counter"]["packets"] for entry in shown["nftables"] if entry.get("counter", {}).get("name") == name)


def test_accounting_adds_up():
    """By protocol, application and class the same sums as the device's own counters, over a million packets and more,
    with GRO merging what comes in."""
    config = '[[rule]]\nprotocol = "iperf3"\nclassid = "1:10"\n[[rule]]\ndirection = "egress"\nclassid = "1:20"\n'
    with Lab() as lab:
        client, router, server = lab.router()
        for namespace, dev in ((client, "eth0"), (server, "eth0"), (router, "s0"), (router, "c0")):
            # Each packet on the wire is one on the veth; the router's side merges them.
            namespace.run(["ethtool", "-K", dev, "tso", "off", "gso", "off"], check=False)
        for dev in ("c0", "s0"):
            router.run(["ethtool", "-K", dev, "gro", "on"])
        speed = servers.Iperf3(server)
        speed.start()
        with L7ctl(router, config).start() as l7ctl:
            for dev in ("c0", "s0"):
                l7ctl.attach(dev)
                expect_in("generic-receive-offload: on", router.output(["ethtool", "-k", dev]), f"{dev}'s offloads")
            before, start = wait_for(lambda: begin(router, l7ctl), "a moment in which nothing passes")
            client.run(["iperf3", "--client", server.ip4, "--port", speed.port, "--bytes", "900M"], limit=120)
            client.run(["iperf3", "--client", server.ip6, "--port", speed.port, "--bytes", "900M", "--reverse"],
                       limit=120)
            for dev in ("c0", "s0"):
                wait_for(lambda dev=dev: agrees(router, l7ctl, dev, before[dev], start[dev]),
                         f"accounting of {dev} to be the device's: {difference(router, l7ctl, dev, before, start)}")
            total = sums(l7ctl, "c0")["protocol"]["ingress"][0] + sums(l7ctl, "c0")["protocol"]["egress"][0]
            check(total > 1_000_000, f"only {total} packets")
            print(f"  {total} packets at c0; differences {difference(router, l7ctl, 'c0', before, start)}")


def begin(router, l7ctl):
    """The device's counters and ours as of one moment."""
    before = {dev: device_counters(router, dev) for dev in ("c0", "s0")}
    start = {dev: sums(l7ctl, dev) for dev in ("c0", "s0")}
    return (before, start) if before == {dev: device_counters(router, dev) for dev in before} else None


def device_counters(router, dev):
    stats = json.loads(router.output(["ip", "-j", "-s", "link", "show", dev]))[0]["stats64"]
    return {"ingress": (stats["rx"]["packets"], stats["rx"]["bytes"]),
            "egress": (stats["tx"]["packets"], stats["tx"]["bytes"])}


def sums(l7ctl, dev):
    """{"protocol": {"ingress": (packets, bytes), ...}, "application": ..., "class": ...}"""
    out = {}
    for by in ("protocol", "application", "class"):
        out[by] = {"ingress": (0, 0), "egress": (0, 0)}
        for row in l7ctl.json("stats", "dev", dev, "by", by):
            packets, size = out[by][row["direction"]]
            out[by][row["direction"]] = (packets + row["packets"], size + row["bytes"])
    return out


def difference(router, l7ctl, dev, before, start):
    """Ours less the device's, in packets and bytes, by kind and direction."""
    now, ours = device_counters(router, dev), sums(l7ctl, dev)
    return {(by, way): tuple((ours[by][way][i] - start[dev][by][way][i]) - (now[way][i] - before[dev][way][i])
                             for i in range(2)) for by in ours for way in now}


def agrees(router, l7ctl, dev, before, start):
    now, ours = device_counters(router, dev), sums(l7ctl, dev)
    for by in ours:
        for way in now:
            packets, size = (ours[by][way][i] - start[by][way][i] for i in range(2))
            # What a veth receives it counts without the link header.
            header = ETH_HLEN if way == "ingress" else 0
            if (packets, size - packets * header) != tuple(now[way][i] - before[way][i] for i in range(2)):
                return False
    return True


if __name__ == "__main__":
    main(test_names_addresses_and_dscp, test_drop_and_keep_take_effect_on_live_flows, test_xdp_drops_what_is_judged,
         test_a_rate_changes_the_class_within_100_ms, test_connection_marks_with_nat, test_accounting_adds_up)
