# SPDX-License-Identifier: GPL-2.0-or-later
"""Two routers, and connections that go on over the other one: by replication, by a file, and beside conntrackd."""

import ftplib
import json
import socket
import threading

from support import clients, servers
from support.conntrackd import Conntrackd
from support.l7ctl import L7ctl, classes, make_htb
from support.netlab import LIMIT, Lab, NotTestable, check, expect_equal, wait_for
from support.runner import main
from support.sync_lab import SyncRedis

SECONDS = 25
SYNC = """
[sync]
node = "{node}"
redis = "{own}"
peers = [{{ name = "{peer}", redis = "{other}" }}]
{more}
"""
RULES = """
[[rule]]
protocol = "http"
classid = "1:10"
[[rule]]
protocol = ["ftp", "ftp-data"]
classid = "1:20"
"""
MARKED = """
[conntrack]
mark = true
[[rule]]
protocol = "http"
classid = "1:10"
mark = 0x1000
"""
TRANSFER_BYTES, TRANSFER_RATE = 10_000_000, 2_000_000
MISFITS = ("tcp_beyond", "tcp_before", "tcp_ack_beyond", "tcp_ack_before", "tcp_stray")


class Pair:
    """client and server, each on a switch with two routers, a and b, between; both run l7ctl and, where they
    replicate, a Redis."""

    def __init__(self, lab, more="", sync=True, rules=RULES):
        self.lab = lab
        self.client, self.server = lab.namespace("client"), lab.namespace("server")
        self.routers = {name: lab.namespace(name) for name in "ab"}
        near, far = self.switch("near"), self.switch("far")
        self.plug(self.client, "eth0", near, "192.0.2.2/24", "2001:db8:1::2/64")
        self.plug(self.server, "eth0", far, "198.51.100.2/24", "2001:db8:2::2/64")
        for number, router in enumerate(self.routers.values(), 11):
            self.plug(router, "c0", near, f"192.0.2.{number}/24", f"2001:db8:1::{number}/64")
            self.plug(router, "s0", far, f"198.51.100.{number}/24", f"2001:db8:2::{number}/64")
            router.forward()
            make_htb(router, "c0", ["10", "20"])
        for number, net, prefix in ((self.client, "198.51.100.0/24", "192.0.2"),
                                    (self.server, "192.0.2.0/24", "198.51.100")):
            number.route(net, f"{prefix}.11")
        self.redis = {name: SyncRedis(router) for name, router in self.routers.items() if sync}
        for one in self.redis.values():
            one.start()
        self.l7ctl = {}
        for name, router in self.routers.items():
            own, other = ("192.0.2.11", "192.0.2.12") if name == "a" else ("192.0.2.12", "192.0.2.11")
            config = SYNC.format(node=name, own=f"{own}:6379", peer="b" if name == "a" else "a",
                                 other=f"{other}:6379", more=more) if sync else ""
            self.l7ctl[name] = L7ctl(router, config + rules, name=f"l7ctl-{name}")

    def switch(self, name):
        switch = self.lab.namespace(name)
        switch.run(["ip", "link", "add", "br0", "type", "bridge"])
        switch.run(["ip", "link", "set", "br0", "up"])
        return switch

    def plug(self, end, dev, switch, *addresses):
        port = f"{end.name.rsplit('-', 1)[-1]}{dev}"
        self.lab.link(end, dev, switch, port)
        switch.run(["ip", "link", "set", port, "master", "br0", "up"])
        end.address(dev, *addresses)

    def __enter__(self):
        for l7ctl in self.l7ctl.values():
            l7ctl.start()
            for dev in ("c0", "s0"):
                l7ctl.attach(dev)
        return self

    def __exit__(self, *what):
        for l7ctl in self.l7ctl.values():
            l7ctl.__exit__(*what)

    def fail_over(self):
        """Both ends send over b from now on."""
        for end, net, via in ((self.client, "198.51.100.0/24", "192.0.2.12"),
                              (self.server, "192.0.2.0/24", "198.51.100.12")):
            end.run(["ip", "route", "replace", net, "via", via])

    def external(self, name):
        return self.l7ctl[name].json("sync", "status")[0]["external"][0]


def transfer(pair):
    """A download that goes on, with windows of scale 10."""
    web = servers.Nginx(pair.server)
    web.start()
    for end in (pair.client, pair.server):
        end.sysctl("ipv4.tcp_rmem", "4096 131072 67108864")
    return clients.Download(pair.client, web, pair.server.ip4, rate=TRANSFER_RATE)


def commit(pair, *protocols):
    """Enters what b has of a, once that is a flow of each of these protocols, and no other of them: of a flow there may be
    news without its protocol first, and the discovery of neighbours comes when it likes."""
    def entered():
        return [flow for protocol in sorted(set(protocols)) for flow in pair.l7ctl["b"].flows("protocol", protocol)]

    def committed():
        pair.l7ctl["b"].run("sync", "commit")
        return sorted(flow["protocol"] for flow in entered()) == sorted(protocols)

    wait_for(committed, lambda: f"{protocols} to be entered at b: {entered()}")
    for flow in entered():
        expect_equal((flow["reason"], flow["packets"]), ("replica", 0), f"what a commit enters of {flow['protocol']}")


def over_b(pair, protocol):
    return [flow for flow in pair.l7ctl["b"].flows("protocol", protocol) if flow["packets"] > 50]


def expect_taken_over(pair, protocol, minor, reason="replica"):
    flow, = wait_for(lambda: over_b(pair, protocol), f"the {protocol} flow over the other router")
    expect_equal((flow["reason"], flow["classid"]), (reason, f"1:{minor}"), "how it is known there, and its class")
    counters = pair.l7ctl["b"].status()["counters"]
    expect_equal({name: counters[name] for name in MISFITS}, dict.fromkeys(MISFITS, 0), "segments outside the window")
    wait_for(lambda: classes(pair.routers["b"], "c0")[f"1:{minor}"][0] > 20, f"its packets in class 1:{minor}")


def test_a_transfer_goes_on_over_the_other_router():
    with Lab() as lab, Pair(lab) as pair:
        with transfer(pair):
            wait_for(lambda: [flow for flow in pair.l7ctl["a"].flows("protocol", "http") if flow["bytes"] > 500_000],
                     "the transfer over a")
            wait_for(lambda: pair.external("b")["flows"] >= 1, "the flow in b's cache")
            commit(pair, "http")
            pair.fail_over()
            expect_taken_over(pair, "http", "10")


def test_direct_mode_needs_no_commit():
    with Lab() as lab, Pair(lab, "direct = true") as pair:
        with transfer(pair):
            wait_for(lambda: pair.l7ctl["b"].flows("protocol", "http"), "the flow in b's table")
            pair.fail_over()
            expect_taken_over(pair, "http", "10")


def test_flows_go_through_a_file():
    """Exported on one router and imported on the other; a file that is not as it was written changes nothing there."""
    with Lab() as lab, Pair(lab, sync=False) as pair:
        with transfer(pair):
            wait_for(lambda: [flow for flow in pair.l7ctl["a"].flows("protocol", "http") if flow["bytes"] > 500_000],
                     "the transfer over a")
            path = lab.dir / "flows"
            pair.l7ctl["a"].run("flows", "export", path)
            whole = pair.l7ctl["a"].run("flows", "export", "-").stdout
            for name, content, says in (("cut", whole[:-1], b"cut off"), ("other", b"l7flows\n\2" + whole[9:], b"version 2"),
                                        ("flipped", whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], b"damaged"),
                                        ("no", b"", b"no file of flows")):
                (lab.dir / name).write_bytes(content)
                done = pair.l7ctl["b"].run("flows", "import", lab.dir / name, check=False)
                expect_equal(done.returncode, 1, f"exit code for the file '{name}'")
                check(says in done.stderr, f"what is said of the file '{name}': {done.stderr}")
            expect_equal(pair.l7ctl["b"].flows("l4", "tcp"), [], "flows after files that were refused")
            done, = pair.l7ctl["b"].json("flows", "import", path)
            check(done["entered"] >= 1 and done["took_ms"] > 0, f"what is reported: {done}")
            expect_equal((done["entered"] + done["kept"], done["failed"], done["skipped"]), (done["flows"], 0, 0),
                         "flows that entered or were there, and others")
            flow, = pair.l7ctl["b"].flows("protocol", "http")
            expect_equal((flow["reason"], flow["packets"]), ("replica", 0), "what an import enters")
            known, = pair.l7ctl["a"].flows("protocol", "http")
            expect_equal(flow["window_scale"], known["window_scale"], "window scales there")
            pair.fail_over()
            expect_taken_over(pair, "http", "10")
            again = json.loads(pair.l7ctl["b"].run("-j", "flows", "import", "-", stdin=whole).stdout)
            check(again["kept"] >= 1, f"flows that live here: {again}")


class FtpSession:
    """A passive transfer from a real server, announced before it begins. The server sets its speed, and the client
    reads without a pause."""

    def __init__(self, pair):
        self.client, self.got = pair.client, 0
        end = servers.Vsftpd(pair.server)
        end.rate = TRANSFER_RATE
        end.start()
        end.write("ftp/bulk", bytes(TRANSFER_BYTES))
        with self.client.entered():
            self.control = ftplib.FTP()
            self.control.connect("198.51.100.2", end.port, timeout=LIMIT)
            self.control.login()
            self.control.voidcmd("TYPE I")
            self.where = self.control.makepasv()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.data = None

    def open(self):
        with self.client.entered():
            self.data = socket.create_connection(self.where, timeout=LIMIT)
        self.control.sendcmd("RETR bulk")
        self.reader.start()

    def read(self):
        while piece := self.data.recv(65536):
            self.got += len(piece)

    def finish(self):
        wait_for(lambda: not self.reader.is_alive(), "the end of the transfer", LIMIT + TRANSFER_BYTES / TRANSFER_RATE)
        expect_equal(self.got, TRANSFER_BYTES, "bytes of the file")
        self.data.close()
        expect_equal(self.control.voidresp()[:3], "226", "FTP's last answer")
        self.control.close()


def test_a_passive_ftp_transfer_goes_on_over_the_other_router():
    with Lab() as lab, Pair(lab) as pair:
        ftp = FtpSession(pair)
        wait_for(lambda: pair.l7ctl["a"].awaited(), "the announcement at a")
        ftp.open()
        wait_for(lambda: ftp.got > 500_000, "the transfer over a")
        flow, = wait_for(lambda: pair.l7ctl["a"].flows("protocol", "ftp-data"), "the data connection over a")
        expect_equal((flow["reason"], flow["verdict_packet"]), ("expected", 1), "how it is known at a, and from when")
        wait_for(lambda: pair.external("b")["flows"] >= 2, "both connections in b's cache")
        commit(pair, "ftp", "ftp-data")
        pair.fail_over()
        expect_taken_over(pair, "ftp-data", "20")
        ftp.finish()
        expect_taken_over(pair, "ftp-data", "20")


def test_an_announcement_is_met_over_the_other_router():
    """Announced at a, committed at b, and the data connection begins there."""
    with Lab() as lab, Pair(lab) as pair:
        ftp = FtpSession(pair)
        announced, = wait_for(lambda: pair.l7ctl["a"].awaited(), "the announcement at a")
        wait_for(lambda: pair.external("b")["expectations"] >= 1 and pair.external("b")["flows"] >= 1,
                 "the announcement and its parent in b's cache")
        commit(pair, "ftp")
        taken, = pair.l7ctl["b"].awaited()
        expect_equal([taken[key] for key in ("src", "dst", "dport", "protocol")],
                     [announced[key] for key in ("src", "dst", "dport", "protocol")], "what b awaits")
        pair.fail_over()
        ftp.open()
        expect_taken_over(pair, "ftp-data", "20", reason="expected")
        flow, = pair.l7ctl["b"].flows("protocol", "ftp-data")
        expect_equal((flow["verdict_packet"], flow["dport"]), (1, announced["dport"]), "from when it is known")
        check("parent" in flow, f"no parent of {flow}")
        wait_for(lambda: not pair.l7ctl["b"].awaited(), "nothing to be awaited any more")
        ftp.finish()


class Gateways(Pair):
    """A pair that translates to an address of theirs, which is where they live; conntrackd tells either of the other's
    connections."""

    shared = "198.51.100.9/24"

    def __init__(self, lab, **options):
        super().__init__(lab, rules=MARKED, **options)
        rules = """table ip lab { chain out { type nat hook postrouting priority srcnat;
            oifname "s0" ip saddr 192.0.2.2 snat to 198.51.100.9; }; }"""
        for router in self.routers.values():
            if router.run(["nft", rules], check=False).returncode != 0:
                raise NotTestable("this kernel's nftables cannot translate")
            # Either way moves at a moment of its own: what a router has seen half of is translated all the same.
            router.sysctl("netfilter.nf_conntrack_tcp_be_liberal", 1)
        self.routers["a"].address("s0", self.shared)
        ends = "198.51.100.11", "198.51.100.12"
        self.conntrackd = {name: Conntrackd(lab, router, "s0", *(ends if name == "a" else ends[::-1]))
                           for name, router in self.routers.items()}

    def fail_over(self):
        self.routers["a"].run(["ip", "address", "del", self.shared, "dev", "s0"])
        self.routers["b"].run(["ip", "address", "add", self.shared, "dev", "s0"])
        self.server.run(["ip", "neigh", "flush", "dev", "eth0"])
        super().fail_over()

    def tracked(self, name):
        return self.routers[name].output(["conntrack", "-L", "-p", "tcp", "--orig-port-dst", "80", "-s", "192.0.2.2"])


def beside_conntrackd(pair, take_over):
    """A transfer over a NAT, which conntrackd hands over with its mark; and how b's l7ctl comes to know it."""
    with transfer(pair):
        wait_for(lambda: [flow for flow in pair.l7ctl["a"].flows("protocol", "http") if flow["bytes"] > 500_000],
                 "the transfer over a")
        wait_for(lambda: "mark=4096" in pair.tracked("a"), "the connection's mark at a")
        wait_for(lambda: pair.conntrackd["b"].cache("external") >= 1, "the connection in conntrackd's cache at b")
        pair.conntrackd["b"].ask("-c")
        wait_for(lambda: "mark=4096" in pair.tracked("b"), "connection and mark in b's kernel")
        take_over()
        pair.fail_over()
        flows = wait_for(lambda: len(seen := over_b(pair, "http")) == 2 and seen, "both sides of the flow over b")
        # Whoever is met first counts as the one that began it.
        expect_equal({(*sorted([flow["src"], flow["dst"]]), flow["reason"], flow["classid"]) for flow in flows},
                     {("192.0.2.2", "198.51.100.2", "replica", "1:10"), ("198.51.100.2", "198.51.100.9", "replica", "1:10")},
                     "how it is known there")
        counters = pair.l7ctl["b"].status()["counters"]
        expect_equal({name: counters[name] for name in MISFITS}, dict.fromkeys(MISFITS, 0), "segments outside the window")
        wait_for(lambda: classes(pair.routers["b"], "c0")["1:10"][0] > 20, "its packets in the class")
        check("mark=4096" in pair.tracked("b"), f"the mark at b: {pair.tracked('b')}")


def test_conntrackd_takes_the_connection_and_we_the_verdict():
    with Lab() as lab, Gateways(lab) as pair:
        def take_over():
            wait_for(lambda: pair.external("b")["flows"] >= 2, "both sides of the flow in b's cache")
            commit(pair, "http", "http")
        beside_conntrackd(pair, take_over)


def test_conntrackd_alone_brings_a_mark_that_says_enough():
    with Lab() as lab, Gateways(lab, sync=False) as pair:
        beside_conntrackd(pair, lambda: expect_equal(pair.l7ctl["b"].flows("protocol", "http"), [], "flows at b"))
        wait_for(lambda: pair.l7ctl["b"].status()["pickup"]["named"] == 2, "both sides named by the mark")


if __name__ == "__main__":
    main(test_conntrackd_takes_the_connection_and_we_the_verdict, test_conntrackd_alone_brings_a_mark_that_says_enough,
         test_flows_go_through_a_file, test_a_transfer_goes_on_over_the_other_router, test_direct_mode_needs_no_commit,
         test_a_passive_ftp_transfer_goes_on_over_the_other_router, test_an_announcement_is_met_over_the_other_router)
