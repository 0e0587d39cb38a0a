# SPDX-License-Identifier: GPL-2.0-or-later
"""Real clients and servers of many protocols, over IPv4 and IPv6, and what l7ctl, attached live, says they speak."""

from collections import defaultdict
from typing import NamedTuple

from support import clients_network, servers_network
from support.exchanges import EXCHANGES, SERVERS, Exchange
from support.l7ctl import L7ctl
from support.netlab import Lab, LabError, TimedOut, check, expect_equal, wait_for
from support.runner import main
from support.server import start_all
from support.watch import Watch

SECONDS = 35
LEAST_PROTOCOLS = 25
VXLAN_PORT = 4789


class Seen(NamedTuple):
    """One exchange with one address, and the keys of the flows that came with it."""

    exchange: Exchange
    address: str
    port: int
    keys: set

    def __str__(self):
        return f"{self.exchange.name} to {self.address}"


def test_protocols_live_over_both_families():
    with Lab() as lab:
        client, router, server = lab.router()
        running = {kind: kind(server) for kind in SERVERS}
        start_all(list(running.values()))
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            watch = Watch(l7ctl)
            failures, seen = [], []
            for exchange in EXCHANGES:
                for address in (server.ip4, server.ip6):
                    end = running[exchange.server]
                    try:
                        exchange.client(client, end, address)
                    except (LabError, AssertionError, OSError) as error:
                        failures.append(f"{exchange.name} to {address}: {error}")
                    each = Seen(exchange, address, getattr(end, exchange.port), set())
                    failures += came(each, watch)
                    failures += wrong_version(each, l7ctl)
                    seen.append(each)
            wait_for(watch.settled, "a verdict on every flow")
            failures += [failure for each in seen for failure in wrong(each, watch.flows)]
            for failure in failures:
                print(f"  {failure}")
            expect_equal(len(failures), 0, "failures")
            report(seen)
            text = l7ctl.text("explain", "protocol", "quic")
            check("dissector: certain" in text and "    -> " in text, f"explain says {text!r}")
        directories = [end.dir for end in running.values()]
        for end in running.values():
            end.stop()
        wait_for(lambda: not server.pids(), "every server process to be gone")
        expect_equal([path for path in directories if path.exists()], [], "server directories left")


def came(seen, watch):
    """Waits for the exchange's flows, and takes whatever has come by then for one of them. A flow that is between two
    tables is in neither for a moment: what was late would be taken for the next exchange's."""
    there = (seen.exchange.l4, seen.address, seen.port)
    children = seen.exchange.children or ()

    def all_of_it():
        new = watch.new()
        seen.keys.update(new)
        to_port = [key for key in seen.keys if (key[0], *key[3:]) == there]
        return to_port and len(seen.keys) >= len(to_port) + len(children) and not new

    try:
        wait_for(all_of_it, lambda: f"{seen}: a flow to {there} and {children}; there are {seen.keys}")
    except TimedOut as late:
        yield str(late)


def wrong(seen, flows):
    """What is not as the exchange wants it, one sentence each."""
    exchange = seen.exchange
    of = [flows[key] for key in seen.keys]
    there = (exchange.l4, seen.address, seen.port)
    to_port = [flow for flow in of if (flow["l4"], flow["dst"], flow["dport"]) == there]
    if not to_port:
        yield f"{seen}: no flow to {exchange.l4} port {seen.port} among {of}"
    for flow in to_port:
        if exchange.protocol and flow["protocol"] != exchange.protocol:
            yield f"{seen}: {flow['protocol']} instead of {exchange.protocol}: {flow}"
        if exchange.hostname and flow["hostname"] != exchange.hostname:
            yield f"{seen}: host name {flow['hostname']!r} instead of {exchange.hostname!r}: {flow}"
        if not set(exchange.attributes) <= set(flow["attributes"]):
            yield f"{seen}: attributes {flow['attributes']} instead of {exchange.attributes}: {flow}"
    children = [flow for flow in of if flow not in to_port]
    if exchange.children is not None and {flow["protocol"] for flow in children} != set(exchange.children):
        yield f"{seen}: its other flows are not {exchange.children}: {children}"


def wrong_version(seen, l7ctl):
    """The version of TLS that both ends settled on; a fingerprint of the client starts with what it offers at most."""
    if not seen.exchange.version:
        return
    carrier = "q" if seen.exchange.protocol == "quic" else "t"
    wanted = (seen.exchange.version, carrier + seen.exchange.version.replace(".", ""))

    def got():
        flows = [flow for flow in l7ctl.explain("protocol", seen.exchange.protocol)
                 if (flow["dst"], flow["hostname"]) == (seen.address, seen.exchange.hostname)]
        return {(flow["explanation"].get("version"), flow["explanation"].get("ja4", "")[:3]) for flow in flows}

    try:
        wait_for(lambda: got() == {wanted}, f"{seen} to be {wanted}")
    except TimedOut as late:
        yield f"{late}: it is {got()}"


def report(seen):
    families = defaultdict(set)
    for each in seen:
        if each.exchange.protocol:
            families[each.exchange.protocol].add("IPv6" if ":" in each.address else "IPv4")
    both = sorted(protocol for protocol, of in families.items() if len(of) == 2)
    print(f"  {len(both)} protocols over both families: {', '.join(both)}")
    check(len(both) >= LEAST_PROTOCOLS, f"fewer than {LEAST_PROTOCOLS} protocols")


def ping_through_tunnels(client, server):
    """ICMP over both families, and within VXLAN over both."""
    for number, address in enumerate((server.ip4, server.ip6)):
        client.run(["ping", "-c", 1, address])
        for end, peer, inside in ((client, server, 1), (server, client, 2)):
            own, other = ((end.ip6, peer.ip6) if ":" in address else (end.ip4, peer.ip4))
            end.run(["ip", "link", "add", f"vx{number}", "type", "vxlan", "id", 7 + number,
                     "local", own, "remote", other, "dev", "eth0", "dstport", VXLAN_PORT])
            end.address(f"vx{number}", f"203.0.113.{128 + 64 * number + inside}/26")
        client.run(["ping", "-c", 1, f"203.0.113.{128 + 64 * number + 2}"])


def test_what_a_tunnel_carries():
    """Named for itself, and where that is asked for by what is inside."""
    with Lab() as lab:
        client, router, server = lab.router()
        with L7ctl(router, '[tunnels]\ninner = ["vxlan"]\n').start() as l7ctl:
            l7ctl.attach("c0")
            ping_through_tunnels(client, server)
            inside = {"203.0.113.130", "203.0.113.194"}
            wait_for(lambda: inside <= {flow["dst"] for flow in l7ctl.flows("protocol", "icmp")}, "ICMP inside of VXLAN")
            wait_for(lambda: l7ctl.counter("tunnels_entered") >= 4, "packets to be taken out of the tunnels")
            # The tunnel is left with what carries no IP: addresses are asked for inside.
            wait_for(lambda: l7ctl.counter("tunnels_opaque") >= 1, "ARP inside to stay the tunnel's")


def test_icmp_and_a_tunnel():
    """What the kernel speaks by itself."""
    with Lab() as lab:
        client, router, server = lab.router()
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            ping_through_tunnels(client, server)
            for address, l4 in ((server.ip4, "icmp"), (server.ip6, "icmpv6")):
                wait_for(lambda address=address, l4=l4: [flow for flow in l7ctl.flows("l4", l4, "protocol", l4)
                                                         if flow["dst"] == address], f"{l4} to {address}")
                wait_for(lambda address=address: [flow for flow in l7ctl.flows("protocol", "vxlan")
                                                  if flow["dst"] == address], f"vxlan to {address}")


def test_dhcp():
    """Each family has a protocol of its own for this, on the link alone."""
    with Lab() as lab:
        client, router, _ = lab.router()
        servers_network.DhcpServer(router).start()
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            for family, protocol, server_port, client_port in ((4, "dhcp", 67, 68), (6, "dhcpv6", 547, 546)):
                clients_network.dhcp(client, "eth0", family)
                # A request to everybody and the answer from one address are two flows.
                both_ways = {(client_port, server_port), (server_port, client_port)}
                wait_for(lambda protocol=protocol, both_ways=both_ways: both_ways == {
                    (flow["sport"], flow["dport"]) for flow in l7ctl.flows("l4", "udp", "protocol", protocol)},
                         f"{protocol} between {both_ways}")
            expect_equal({flow["protocol"] for flow in l7ctl.flows("l4", "udp")}, {"dhcp", "dhcpv6"}, "protocols")


main(test_protocols_live_over_both_families, test_icmp_and_a_tunnel, test_what_a_tunnel_carries,
     test_dhcp)
