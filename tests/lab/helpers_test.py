# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's connection tracking helpers at work beside us, behind a NAT whose addresses they write into the control
connections: what the kernel calls related are the children we know, on both sides of the router."""

import ipaddress
import re
import socket

from support import clients, scripted, servers
from support.clients_services import IrcTalker
from support.l7ctl import L7ctl
from support.netlab import LIMIT, Lab, NotTestable, check, expect_equal, wait_for
from support.runner import main
from support.servers_media import Baresip

SECONDS = 12
HELPERS = {"ftp": ("tcp", 21), "sip": ("udp", 5060), "tftp": ("udp", 69)}
# The kernel's know IPv4 alone.
HELPERS4 = {**HELPERS, "irc": ("tcp", 6667), "pptp": ("tcp", scripted.PPTP_PORT), "Q.931": ("tcp", scripted.H323_PORT)}
RELATED = """
    set related {{
        type {address} . {address} . inet_proto . inet_service
        flags dynamic
        size 256
    }}
    chain forward {{
        type filter hook forward priority filter
        ct state related meta l4proto gre counter
        ct state related meta l4proto {{ tcp, udp }} add @related {{ {ip} saddr . {ip} daddr . meta l4proto . th dport }}
    }}
"""
MISFITS = ("tcp_beyond", "tcp_before", "tcp_ack_beyond", "tcp_ack_before", "tcp_stray")
LARGE = "layer seven\n" * 10_000


def ruleset(ip, address, known):
    helpers = "".join(f'    ct helper h{port} {{ type "{name}" protocol {l4}; }}\n' for name, (l4, port) in known.items())
    assigned = "".join(f'        {l4} dport {port} ct helper set "h{port}"\n' for l4, port in known.values())
    masquerade = "    chain out { type nat hook postrouting priority srcnat; oifname \"s0\" masquerade; }\n"
    return (f"table {ip} lab {{\n{helpers}{RELATED.format(ip=ip, address=address)}"
            f"    chain in {{\n        type filter hook prerouting priority filter\n{assigned}    }}\n{masquerade}}}\n")


class Gateway:
    """The lab's router, which translates what the client sends and has the kernel's helpers."""

    def __init__(self, lab):
        self.client, self.router, self.server = lab.router()
        for words in (("ip", "ipv4_addr", HELPERS4), ("ip6", "ipv6_addr", HELPERS)):
            done = self.router.run(["nft", "-f", "-"], stdin=ruleset(*words).encode(), check=False)
            if done.returncode != 0:
                raise NotTestable(f"this kernel's nftables has no helpers: {done.stderr.decode()}")
        self.l7ctl = L7ctl(self.router)

    def __enter__(self):
        self.l7ctl.start()
        for dev in ("c0", "s0"):
            self.l7ctl.attach(dev)
        return self

    def __exit__(self, *what):
        self.l7ctl.__exit__(*what)

    def related(self):
        """(source, target, protocol, port) of all that the kernel calls related: the client's side of them."""
        out = set()
        for ip in ("ip", "ip6"):
            listing = self.router.output(["nft", "list", "set", ip, "lab", "related"])
            out |= set(re.findall(r"(\S+) \. (\S+) \. (\S+) \. (\d+)", listing.partition("elements")[2]))
        return {(source.strip("{ "), target, l4, int(port)) for source, target, l4, port in out}

    def children(self, ours, others):
        """The children we know between two addresses of a side: what the kernel calls each of them, which is one of two,
        as the first packet it saw may have come from either end. A server's end is what it calls itself."""
        return {frozenset({(flow["src"], flow["dst"], flow["l4"], flow["dport"]),
                           (flow["dst"], flow["src"], flow["l4"], flow["sport"])})
                for flow in self.l7ctl.flows()
                if flow["reason"] == "expected" and {flow["src"], flow["dst"]} == {ours, others}}

    def expect_agreement(self, count, what):
        """At least that many related connections are the children on the client's side, and those on the server's side
        have the same ends there. Where two ends speak first at once, the kernel may take one connection for two."""
        sides = [((self.client.ip4, self.server.ip4), (self.router_s4, self.server.ip4)),
                 ((self.client.ip6, self.server.ip6), (self.router_s6, self.server.ip6))]
        wait_for(lambda: len(self.related()) >= count, lambda: f"the kernel's {count} children by {what}: {self.related()}")
        near, far = set(), set()
        def known():
            for inner, outer in sides:
                near.update(self.children(*inner))
                far.update(self.children(*outer))
            return (min(len(near), len(far)) >= count and self.related() <= set().union(*near)
                    and self.at_server(near) == self.at_server(far))

        # Also that the server's ends are those of the children on its own side.
        wait_for(known, lambda: f"our children by {what}: {near}, {far}; the kernel's: {self.related()}")
        unknown = [child for child in near if not child & self.related()]
        expect_equal(unknown, [], f"children by {what} that the kernel does not know")
        check(len(far) <= len(self.related()), f"more children by {what} on the other side than the kernel knows: {far}")
        counters = self.l7ctl.status()["counters"]
        expect_equal({name: counters[name] for name in MISFITS}, dict.fromkeys(MISFITS, 0), "segments outside the window")

    def at_server(self, children):
        """(protocol, the server's port) of each."""
        return {(l4, port) for child in children for _, target, l4, port in child
                if target in (self.server.ip4, self.server.ip6)}

    router_s4, router_s6 = "198.51.100.1", "2001:db8:2::1"


def test_ftp():
    """Passive and active, in IPv4's commands and the extended ones."""
    with Lab() as lab, Gateway(lab) as gateway:
        end = servers.Vsftpd(gateway.server)
        end.rate = 60_000
        end.start()
        end.write("ftp/large", LARGE)
        count = 0
        for address in (gateway.server.ip4, gateway.server.ip6):
            for how in ([], ["--disable-epsv"], ["--ftp-port", "-"], ["--ftp-port", "-", "--disable-eprt"]):
                if ":" in address and how and how[-1].startswith("--disable"):
                    continue  # there is no other way with IPv6
                got = clients.curl(gateway.client, *how, f"ftp://{clients.in_url(address)}:{end.port}/large")
                expect_equal(len(got), len(LARGE), f"bytes of the file by {address} {how}")
                count += 1
                gateway.expect_agreement(count, f"{address} {how}")


def test_tftp():
    with Lab() as lab, Gateway(lab) as gateway:
        end = servers.Dnsmasq(gateway.server)
        end.start()
        for count, address in enumerate((gateway.server.ip4, gateway.server.ip6), 1):
            clients.tftp(gateway.client, end, address)
            wait_for(lambda wanted=count: len(gateway.related()) == wanted, f"the kernel's children of {address}")
        # Ends this near can be quicker than the daemon: then the answer's own bytes say what it is.
        def known():
            return {(flow["src"], flow["dst"], flow["l4"], flow["dport"]) for flow in gateway.l7ctl.flows("protocol", "tftp")}

        wait_for(lambda: gateway.related() <= known(), lambda: f"children: {known()}; the kernel's: {gateway.related()}")


def test_irc():
    """An offer names the client's own address, and the router's once the kernel has passed it on."""
    with Lab() as lab, Gateway(lab) as gateway:
        end = servers.Ngircd(gateway.server)
        end.start()
        alice = IrcTalker(gateway.client, end, gateway.server.ip4, "alice")
        bob = IrcTalker(gateway.server, end, gateway.server.ip4, "bob")
        wait_for(lambda: len(gateway.l7ctl.flows("protocol", "irc")) == 2, "the parent, on both sides")
        with gateway.client.entered():
            listener = socket.create_server((gateway.client.ip4, 0))
        own = int(ipaddress.ip_address(gateway.client.ip4))
        alice.say(f"PRIVMSG bob :\x01DCC SEND large {own} {listener.getsockname()[1]} 65536\x01")
        address, port = re.search(r"\x01DCC \S+ \S+ (\S+) (\d+)", bob.hear("\x01DCC ")).groups()
        expect_equal(str(ipaddress.ip_address(int(address))), gateway.router_s4, "the address that bob is told")
        wait_for(lambda: len(gateway.l7ctl.awaited()) == 2, "what is awaited, on both sides")
        taken = gateway.server.connect(gateway.router_s4, int(port))
        gateway.expect_agreement(1, "DCC")
        for each in (taken, listener, alice, bob):
            each.close()


def test_sip():
    """A call from behind the NAT, and what either end sends of it."""
    with Lab() as lab, Gateway(lab) as gateway:
        callee = Baresip(gateway.server, gateway.server.ip4)
        phone = Baresip(gateway.client, gateway.client.ip4, dials=gateway.server.ip4)
        callee.start()
        phone.start()
        wait_for(callee.ringing, "the call")
        wait_for(lambda: len(gateway.l7ctl.awaited()) >= 4, "where RTP and RTCP are awaited, on both sides")
        callee.answer()
        gateway.expect_agreement(2, "the call")
        for each in (phone, callee):
            each.stop()


def test_pptp():
    """The helper may write other call IDs; GRE belongs to the call on both sides of the router."""
    with Lab() as lab, Gateway(lab) as gateway:
        control = scripted.Dialogue(gateway.client, gateway.server, gateway.server.ip4, scripted.PPTP_PORT)
        control.say("client", scripted.pptp_hello(1))
        control.say("server", scripted.pptp_hello(2))
        wait_for(lambda: len(gateway.l7ctl.flows("protocol", "pptp")) == 2, "the parent, on both sides")
        asked, _ = scripted.pptp_calls(control.say("client", scripted.pptp_call(8)))
        control.say("server", scripted.pptp_answer(10, asked))
        wait_for(lambda: len(gateway.l7ctl.awaited()) == 4, "what is awaited, either way on both sides")
        for source, target, call in ((gateway.client, gateway.server.ip4, 10), (gateway.server, gateway.router_s4, asked)):
            with source.entered(), socket.socket(socket.AF_INET, socket.SOCK_RAW, scripted.GRE) as raw:
                raw.sendto(scripted.gre_packet(call, 1), (target, 0))
        def calls():
            flows = [flow for flow in gateway.l7ctl.flows("l4", "gre") if flow["packets"] == 2]
            return len(flows) == 2 and flows

        flows = wait_for(calls, "the call, both ways on both sides")
        expect_equal({(flow["src"], flow["dst"], flow["reason"]) for flow in flows},
                     {(source, gateway.server.ip4, "expected") for source in (gateway.client.ip4, gateway.router_s4)},
                     "how it is known")
        listing = gateway.router.output(["nft", "list", "chain", "ip", "lab", "forward"])
        check(re.search(r"counter packets [1-9]", listing), f"the kernel does not call it related: {listing}")
        control.close()


def told(message, address):
    """The port that goes with an address in a message of H.323."""
    packed = ipaddress.ip_address(address).packed
    check(packed in message, f"no {address} in {message.hex()}")
    return int.from_bytes(message.partition(packed)[2][:2], "big")


def test_h323():
    """Q.931, H.245 and media of a call from behind the NAT; the server is told the router's address each time."""
    with Lab() as lab, Gateway(lab) as gateway:
        call = scripted.Dialogue(gateway.client, gateway.server, gateway.server.ip4, scripted.H323_PORT)
        port = told(call.say("client", scripted.H323_SETUP), gateway.router_s4)
        wait_for(lambda: len(gateway.l7ctl.awaited()) == 2, "H.245 to be awaited on both sides")
        with gateway.client.entered():
            listener = socket.create_server((gateway.client.ip4, scripted.H323_H245_PORT))
        far = gateway.server.connect(gateway.router_s4, port)
        near, _ = listener.accept()
        gateway.expect_agreement(1, "H.245")
        near.sendall(scripted.H323_OPEN)
        far.settimeout(LIMIT)
        opened = far.recv(2048)
        media = told(opened, gateway.router_s4)
        wait_for(lambda: len([row for row in gateway.l7ctl.awaited() if row["l4"] == "udp"]) == 4,
                 "media and its control to be awaited on both sides")
        with gateway.server.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sends:
            sends.sendto(scripted.rtp_packet(1), (gateway.router_s4, media))
            sends.sendto(scripted.rtcp_packet(), (gateway.router_s4, media + 1))
        gateway.expect_agreement(3, "the call")
        for each in (near, far, listener, call):
            each.close()


main(test_ftp, test_tftp, test_irc, test_sip, test_pptp, test_h323)
