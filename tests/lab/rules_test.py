# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules on real traffic: by name, address, rate and DSCP; class, mark, DSCP, drop at tc and in XDP, keep; connection
marks; and accounting that adds up."""

import json
import re
import signal
import socket
import struct
import time
from typing import NamedTuple

from support import clients, servers
from support.l7ctl import L7ctl, classes, make_htb
from support.netlab import Lab, NotTestable, check, expect_equal, expect_in, wait_for
from support.runner import main

SECONDS = 22


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
            def by_line():
                return {row["line"]: row["packets"] for row in l7ctl.traffic(by="rule")}

            with (clients.Download(client, web, server.ip4, host="cdn.video.example"),
                  clients.Download(client, web, server.ip6)):
                wait_for(lambda: len(l7ctl.flows("protocol", "http")) == 2, "two http flows")
                flows = {flow["dst"]: flow for flow in l7ctl.flows("protocol", "http")}
                expect_equal(flows[server.ip4]["classid"], "1:10", "the class by host name")
                expect_equal(flows[server.ip6]["mark"], 0x2000, "the mark by address")
                expect_in(34, wait_for(lambda: seen.dscps(server.ip4) - {0}, "a DSCP from IPv4"), "AF41 on IPv4")
                expect_in(8, wait_for(lambda: seen.dscps(server.ip6) - {0}, "a DSCP from IPv6"), "CS1 on IPv6")
                # What came in with a DSCP written at s0's ingress leaves c0 by the rule that asks for it.
                wait_for(lambda: classes(router, "c0")["1:10"][0] > 100, "packets in the class of the host name")
                wait_for(lambda: min(by_line()[2], by_line()[6]) > 100, lambda: f"both rules to be hit: {by_line()}")
            expect_equal(l7ctl.counter("dscp_failed"), 0, "DSCPs that were not written")


SO_RCVBUFFORCE, SO_TIMESTAMPNS, ETH_HLEN = 33, 35, 14


class Packet(NamedTuple):
    """When the kernel saw it (seconds, as time.time() has them), its link and IP headers and some more."""

    when: float
    bytes: bytes

    @property
    def source(self):
        if self.bytes[12:14] == b"\x08\x00":
            return socket.inet_ntop(socket.AF_INET, self.bytes[26:30])
        return socket.inet_ntop(socket.AF_INET6, self.bytes[22:38]) if self.bytes[12:14] == b"\x86\xdd" else None

    @property
    def dscp(self):
        """The IPv4 header's checksum must be right."""
        if self.bytes[12:14] == b"\x08\x00":
            check(header_sum(self.bytes[14:34]) == 0, f"a wrong checksum: {self.bytes[14:34].hex()}")
            return self.bytes[15] >> 2
        return (self.bytes[14] & 15) << 2 | self.bytes[15] >> 6


class Sniffer:
    """Packets that a device receives, seen by a socket of the test's own."""

    def __init__(self, namespace, dev):
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)  # for all that comes before it is read
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((dev, 3))
        self.socket.setblocking(False)
        self.packets = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def of(self, source):
        """The packets from an address so far."""
        while True:
            try:
                packet, control, _, _ = self.socket.recvmsg(256, 64)
            except BlockingIOError:
                break
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            self.packets.append(Packet(seconds + nanoseconds / 1e9, packet))
        return [packet for packet in self.packets if packet.source == source]

    def dscps(self, source):
        return {packet.dscp for packet in self.of(source)}


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
        with (L7ctl(router, '[[rule]]\nprotocol = "http"\nclassid = "1:10"\n').start() as l7ctl,
              Sniffer(client, "eth0") as seen):
            l7ctl.attach("c0")
            with clients.Download(client, web, server.ip4):
                wait_for(lambda: [flow for flow in l7ctl.flows("protocol", "http") if flow["bytes"] > 200_000],
                         "a live http flow")
                l7ctl.configure('[[rule]]\nport = [9]\nkeep = true\n[[rule]]\nprotocol = "http"\ndrop = true\n')
                l7ctl.run("reload")
                reloaded = time.time()
                wait_for(lambda: l7ctl.counter("rules_dropped") > 0, "packets of the live flow to be dropped")
                wait_for(lambda: time.time() > reloaded + 1.5 * RELOAD_S, "some time in which none may pass")
                late = [packet.when - reloaded for packet in seen.of(server.ip4) if packet.when > reloaded + RELOAD_S]
                expect_equal(late, [], "seconds after the reload at which the live flow still passed")
            before = classes(router, "c0")["1:10"]
            check(is_dropped(l7ctl, client, web, server.ip6), "a new flow is not dropped")
            expect_equal(classes(router, "c0")["1:10"], before, "what the class got after the reload")
            l7ctl.configure('[[rule]]\nprotocol = "http"\nkeep = true\n[[rule]]\nmark = 0x1100\n')
            l7ctl.run("reload")
            clients.http(client, web, server.ip6)
            wait_for(lambda: l7ctl.flows("protocol", "http", "host", server.ip6), "an http flow over IPv6")
            expect_equal({flow["mark"] for flow in l7ctl.flows("protocol", "http")}, {0}, "marks of what is kept")


RELOAD_S = 1.0  # in which a reload reaches a flow that goes on
# A server that hears nothing sends again after 200 ms, 400 ms and so on: so many times are waited for. A flow that is not
# dropped has as many packets at once, and soon more than LIVELY_PACKETS.
UNHEARD_PACKETS, LIVELY_PACKETS = 2, 20


def is_dropped(l7ctl, client, web, address):
    """Whether nothing of a new fetch comes through once its flow has a verdict, though the server goes on to send: a flow
    that is not dropped brings the fetch more with each packet."""
    with clients.Download(client, web, address) as fetch:
        def packets():
            return sum(flow["packets"] for flow in l7ctl.flows("protocol", "http", "host", address)
                       if fetch.port == flow["sport"])

        wait_for(packets, "the new flow's verdict")
        # What was under way has come with the next packet.
        start = packets()
        wait_for(lambda: packets() > start, "the server to go on")
        got, start = fetch.bytes, packets()
        wait_for(lambda: packets() >= start + UNHEARD_PACKETS, "the server to go on for a while")
        return fetch.bytes == got and packets() < start + LIVELY_PACKETS


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
                check(is_dropped(l7ctl, client, web, address), f"http to {address} was not dropped")
                check(l7ctl.counter("xdp_dropped") > dropped, f"it was not XDP that dropped from {address}")
                clients.ssh(client, shell, address)  # everything else passes
            dropped = l7ctl.counter("xdp_dropped")  # first: the servers go on to send
            check(l7ctl.stats("s0", "ingress", "http")["packets"] >= dropped, "what XDP dropped is not accounted for")
            expect_equal(l7ctl.run("attach", "dev", "c0", "egress", "xdp", check=False).returncode, 2, "exit status")
            # A daemon that returns takes the program over.
            l7ctl.process.stop()
            l7ctl.start()
            dropped = l7ctl.counter("xdp_dropped")
            check(is_dropped(l7ctl, client, web, server.ip4), "http was not dropped after the daemon's return")
            check(l7ctl.counter("xdp_dropped") > dropped, "it was not XDP that dropped then")
            l7ctl.detach("s0")
            shown = router.output(["ip", "-d", "link", "show", "s0"])
            check("xdp" not in shown, f"XDP is left: {shown}")
            clients.http(client, web, server.ip4)


def test_a_rate_changes_the_class_within_100_ms():
    """A datagram flow that gets fast, and slow again. Each packet says by its DSCP which rule it met; the daemon is asked
    for the rate all the while."""
    config = """
[rates]
hysteresis = 10
[[rule]]
port = 5004
rate = "1M:"
classid = "1:10"
set_dscp = "AF41"
[[rule]]
port = 5004
classid = "1:20"
set_dscp = "CS1"
"""
    with Lab() as lab:
        client, router, server = lab.router()
        make_htb(router, "s0", ["10", "20"])
        with L7ctl(router, config).start() as l7ctl, Sniffer(server, "eth0") as seen:
            l7ctl.attach("s0")
            sender = client.popen(["/usr/bin/python3", "-c", SENDER, server.ip4, "5004"], name="sender")
            looks = []

            def look():
                for _ in range(LOOKS):
                    asked = time.time()
                    looks.extend(Look(asked, time.time(), flow["rate"], flow["classid"])
                                 for flow in l7ctl.flows("port", "5004"))
                return looks

            wait_for(look, "the flow")
            expect_equal(looks[0].classid, "1:20", "the class at first")
            # Hysteresis: up at 1 MB/s, down below 0.9.
            sender.popen.send_signal(signal.SIGUSR1)
            up = wait_for(lambda: span(look(), lambda rate: rate > 1_000_000), "the flow to be fast for a while")
            sender.popen.send_signal(signal.SIGUSR1)
            down = wait_for(lambda: span([one for one in look() if one.asked > up[1]], lambda rate: rate < 900_000),
                            "the flow to be slow for a while")
            sender.stop()
            for name, (begin, end), dscp in (("fast", up, AF41), ("slow", down, CS1)):
                packets = [packet for packet in seen.of(client.ip4) if begin + FOLLOWS_S < packet.when < end]
                check(packets, f"no packets while the flow was {name}")
                late = [packet.when - begin for packet in packets if packet.dscp != dscp]
                expect_equal(late, [], f"seconds after the flow was {name} at which packets still were in the other class")
            counted = classes(router, "s0")
            check(counted["1:10"][0] > 500 and counted["1:20"][0] > 50, f"classes: {counted}")


FOLLOWS_S = 0.1  # in which the class follows the rate
AF41, CS1 = 34, 8
# Between two looks that are closer than this the class cannot have gone back: a rate of 1 MB/s takes 0.3 s to fall below
# 0.9 when nothing is sent, and a slow sender never gets from 0.9 to 1.
GAP_S = 0.3
SPAN_S = 0.4
LOOKS = 5  # without a pause


class Look(NamedTuple):
    """What the daemon said of the flow, between two moments."""

    asked: float
    answered: float
    rate: float
    classid: str


def span(looks, holds):
    """From when until when looks that follow each other closely all had such a rate; None: there are none for long."""
    begin = before = None
    for look in looks:
        if not holds(look.rate) or (before and look.answered - before.asked > GAP_S):
            begin = None
        elif begin is None:
            begin = look.answered
        if begin and look.asked - begin > SPAN_S:
            return begin, look.asked
        before = look
    return None


# Datagrams of 100 kB a second; with SIGUSR1 of 4 MB, and with the next of 100 kB again. A machine that lets nobody run for
# a while gets no more than what is due for a quarter of a second.
SENDER = """
import signal, socket, sys, time
rates = [100_000, 4_000_000]
signal.signal(signal.SIGUSR1, lambda *_: rates.reverse())
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
before, due = time.monotonic(), 0
while True:
    now = time.monotonic()
    due = min(due + rates[0] * (now - before), rates[0] / 4)
    before = now
    while due > 0:
        s.sendto(bytes(1200), (sys.argv[1], int(sys.argv[2])))
        due -= 1200
    time.sleep(0.002)
"""


def test_connection_marks_with_nat():
    """nftables sees the verdict in the connection's mark, and bits of others, which are set once, stay; behind masquerading
    too."""
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
    ct state new ct mark set ct mark or 0x1
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
            for family in ("ipv4", "ipv6"):
                listing = ["conntrack", "-L", "-f", family, "-p", "tcp"]
                wait_for(lambda listing=listing: set(re.findall(r"mark=(\d+)", router.output(listing))) == {str(0x4201)},
                         lambda listing=listing: f"the mark alone: {router.output(listing)}")
            check(l7ctl.status()["conntrack"]["marked"] >= 2, "connections that were marked are not counted")
            with clients.Download(client, web, server.ip4):
                wait_for(lambda: counted(router, "ours") > 10, "nftables to see the mark on packets")
                # Flows that go on when rules change get the new mark.
                l7ctl.configure(config.replace("0x4200", "0x4300"))
                l7ctl.run("reload")
                wait_for(lambda: f"mark={0x4301}" in router.output(["conntrack", "-L", "-p", "tcp"]), "the new mark")
            expect_equal(l7ctl.status()["conntrack"]["failed"], 0, "marks that failed")


def counted(namespace, name):
    """Packets of one of nftables' counters."""
    shown = json.loads(namespace.output(["nft", "-j", "list", "counters"]))
    return next(entry["counter"]["packets"] for entry in shown["nftables"] if entry.get("counter", {}).get("name") == name)


def test_accounting_adds_up():
    """By protocol, application and class the same sums as the device's own counters, over two hundred thousand packets,
    with GRO merging what comes in. More packets would say the same: a share that gets lost shows in the first thousands,
    and the counters are of 64 bits, which no test fills."""
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
            for address, way in ((server.ip4, []), (server.ip6, ["--reverse"])):
                speed.wait_until_idle()
                client.run(["iperf3", "--client", address, "--port", speed.port, "--bytes", "150M", *way], limit=120)
            for dev in ("c0", "s0"):
                wait_for(lambda dev=dev: agrees(router, l7ctl, dev, before[dev], start[dev]),
                         lambda dev=dev: f"accounting of {dev} to be the device's: "
                                         f"{difference(router, l7ctl, dev, before, start)}")
            total = sums(l7ctl, "c0")["protocol"]["ingress"][0] + sums(l7ctl, "c0")["protocol"]["egress"][0]
            check(total > LEAST_PACKETS, f"only {total} packets")
            print(f"  {total} packets at c0; differences {difference(router, l7ctl, 'c0', before, start)}")


LEAST_PACKETS = 200_000  # two transfers of 150 MB, in packets of 1,500 bytes


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
        for row in l7ctl.traffic(dev, by):
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
