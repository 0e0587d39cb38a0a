# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that ran before the daemon came: the kernel's connection tracking knows their window scales, and their
mark what they are."""

import re
import socket

from support.l7ctl import L7ctl
from support.netlab import LIMIT, Lab, NotTestable, check, expect_equal, run, wait_for
from support.runner import main

SECONDS = 8
TRACKED = "table inet t { chain f { type filter hook forward priority filter; ct state established accept; }; }\n"
MASQUERADED = 'table inet n { chain p { type nat hook postrouting priority srcnat; oifname "s0" masquerade; }; }\n'
KFUNC = "'bpf_skb_ct_lookup'" in run(["bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux"]).stdout.decode()
PORT = 4000
HELLO = b"SSH-2.0-lab\r\n"  # recognised wherever in a connection it is
RULES = '[conntrack]\nmark = true\n[[rule]]\nprotocol = "ssh"\nmark = 0x1000\n'


class Connection:
    """Over a router that tracks it; the ends' windows are scaled differently."""

    def __init__(self, lab, rules=TRACKED, six=False):
        self.client, self.router, self.server = lab.router()
        address, family = (self.server.ip6, socket.AF_INET6) if six else (self.server.ip4, socket.AF_INET)
        if self.router.run(["nft", "-f", "-"], stdin=rules.encode(), check=False).returncode != 0:
            raise NotTestable("this kernel's nftables cannot track connections")
        self.server.sysctl("ipv4.tcp_rmem", "4096 131072 67108864")
        with self.server.entered():
            listener = socket.create_server((address, PORT), family=family)
        with self.client.entered():
            self.near = socket.create_connection((address, PORT), timeout=LIMIT)
        self.far, _ = listener.accept()
        listener.close()
        self.say(self.near, b"before")
        self.say(self.far, b"anybody looked")

    def say(self, who, what):
        who.sendall(what)
        other = self.far if who is self.near else self.near
        other.settimeout(LIMIT)
        got = b""
        while len(got) < len(what):
            got += other.recv(65536)

    def scales(self):
        """The client's and the server's, as the client's kernel has them."""
        text = self.client.output(["ss", "-tinH", "dport", f"= :{PORT}"])
        theirs, own = re.search(r"wscale:(\d+),(\d+)", text).groups()
        check(own != theirs, f"both ends scale by {own}")
        return [int(own), int(theirs)]

    def close(self):
        self.near.close()
        self.far.close()


def only_flow(l7ctl):
    return wait_for(lambda: [flow for flow in l7ctl.flows("protocol", "ssh")
                             if None not in flow["window_scale"]], "a flow whose scales are known")[0]


def test_scales_of_a_connection_that_ran_before():
    """Whoever speaks first when we come, and on the far side of a NAT, too."""
    for rules, dev, six in ((TRACKED, "c0", False), (TRACKED, "c0", True), (MASQUERADED, "s0", False), (MASQUERADED, "s0", True)):
        for first in ("client", "server"):
            with Lab() as lab:
                connection = Connection(lab, rules, six)
                with L7ctl(connection.router).start() as l7ctl:
                    l7ctl.attach(dev)
                    ends = [connection.near, connection.far]
                    if first == "server":
                        ends.reverse()
                    for end in ends:
                        connection.say(end, HELLO)
                    flow = only_flow(l7ctl)
                    expect_equal(flow["sport" if first == "server" else "dport"], PORT, "who spoke first")
                    wanted = connection.scales()
                    expect_equal(flow["window_scale"], wanted if first == "client" else wanted[::-1],
                                 f"window scales of {flow}")
                    wait_for(lambda: l7ctl.status()["pickup"]["scaled"] == 1,  # pylint: disable=cell-var-from-loop
                             "the flow that was told its scales to be counted")
                    expect_equal(l7ctl.status()["pickup"]["by"], "kfunc" if KFUNC else "ctnetlink", "who looked")
                    if KFUNC:
                        expect_equal(l7ctl.counter("pickup_scaled"), 1, "those that the packet path looked up")
                        expect_equal(l7ctl.status()["pickup"]["asked"], 0, "what the loader had to ask")
                connection.close()


def test_connections_that_are_not_tracked_stay_liberal():
    with Lab() as lab:
        connection = Connection(lab, "")
        with L7ctl(connection.router).start() as l7ctl:
            l7ctl.attach("c0")
            connection.say(connection.near, HELLO)
            wait_for(lambda: l7ctl.status()["pickup"]["untracked"] == 1, "the kernel's answer")
            flow, = wait_for(lambda: l7ctl.flows("protocol", "ssh"), "the flow")
            expect_equal(flow["window_scale"], [None, None], "window scales")
        connection.close()


def test_the_mark_says_what_a_connection_is():
    """One daemon writes it; another, which has no state of the first, reads it."""
    with Lab() as lab:
        connection = Connection(lab)
        with L7ctl(connection.router, RULES, name="first").start() as l7ctl:
            l7ctl.attach("c0")
            connection.say(connection.near, HELLO)
            wait_for(lambda: l7ctl.status()["conntrack"]["marked"] >= 1, "the mark")
        for name, config, told in (("second", RULES, ("ssh", "replica")),
                                   ("third", RULES + "[tcp]\nloose = false\n", ("unknown", "mid-stream"))):
            with L7ctl(connection.router, config, name=name).start() as l7ctl:
                l7ctl.attach("c0")
                connection.say(connection.near, b"nothing that anybody knows")
                def said(asked=l7ctl):
                    return [(flow["protocol"], flow["reason"]) for flow in asked.flows("l4", "tcp")]

                wait_for(lambda said=said, told=told: said() == [told],
                         lambda said=said, told=told, name=name: f"the {name} to say {told} of it, and not {said()}")
                if told[0] == "ssh":
                    expect_equal(only_flow(l7ctl)["window_scale"], connection.scales(), "window scales")
        connection.close()


main(test_scales_of_a_connection_that_ran_before, test_connections_that_are_not_tracked_stay_liberal,
     test_the_mark_says_what_a_connection_is)
