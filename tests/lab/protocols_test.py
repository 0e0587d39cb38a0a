# SPDX-License-Identifier: GPL-2.0-or-later
"""Real clients and servers of many protocols, over IPv4 and IPv6, and what l7ctl, attached meanwhile, says they speak."""

from collections import defaultdict
from typing import NamedTuple

from support.exchanges import EXCHANGES, SERVERS, TLS12_HOST, Exchange
from support.l7ctl import L7ctl
from support.netlab import Lab, LabError, check, expect_equal, main, wait_for
from support.server import start_all
from support.servers import WEB_HOST
from support.servers_network import QUIC_HOST

LEAST_PROTOCOLS = 20


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
            failures, seen = [], []
            for exchange in EXCHANGES:
                for address in (server.ip4, server.ip6):
                    known = set(current(l7ctl))
                    end = running[exchange.server]
                    try:
                        exchange.client(client, end, address)
                    except (LabError, AssertionError, OSError) as error:
                        failures.append(f"{exchange.name} to {address}: {error}")
                    seen.append(Seen(exchange, address, getattr(end, exchange.port), set(current(l7ctl)) - known))
            flows = wait_for(lambda: settled(l7ctl), "a verdict on every flow")
            failures += [failure for each in seen for failure in wrong(each, flows)]
            failures += wrong_versions(l7ctl, (server.ip4, server.ip6))
            for failure in failures:
                print(f"  {failure}")
            expect_equal(len(failures), 0, "failures")
            report(seen)


def current(l7ctl):
    """The flows by their keys, but for those of the neighbours' discovery, which come when they like."""
    return {tuple(flow[part] for part in ("l4", "src", "sport", "dst", "dport")): flow
            for flow in l7ctl.flows() if not flow["l4"].startswith("icmp")}


def settled(l7ctl):
    flows = current(l7ctl)
    return flows if all(flow["protocol"] != "unset" for flow in flows.values()) else None


def wrong(seen, flows):
    """What is not as the exchange wants it, one sentence each."""
    exchange = seen.exchange
    if gone := seen.keys - set(flows):
        yield f"{seen}: flows are forgotten already: {gone}"
    of = [flows[key] for key in seen.keys & set(flows)]
    main_flows = [flow for flow in of
                  if (flow["l4"], flow["dst"], flow["dport"]) == (exchange.l4, seen.address, seen.port)]
    if not main_flows:
        yield f"{seen}: no flow to {exchange.l4} port {seen.port} among {of}"
    for flow in main_flows:
        if exchange.protocol and flow["protocol"] != exchange.protocol:
            yield f"{seen}: {flow['protocol']} instead of {exchange.protocol}: {flow}"
        if exchange.hostname and flow["hostname"] != exchange.hostname:
            yield f"{seen}: host name {flow['hostname']!r} instead of {exchange.hostname!r}: {flow}"
    children = [flow for flow in of if flow not in main_flows]
    if exchange.children is not None and {flow["protocol"] for flow in children} != set(exchange.children):
        yield f"{seen}: its other flows are not {exchange.children}: {children}"


def wrong_versions(l7ctl, addresses):
    """The version of TLS that both ends settled on, and the fingerprint of a client that offers no more."""
    got = {(flow["dst"], flow["hostname"]): (flow["explanation"].get("version"), flow["explanation"]["ja4"][:3])
           for flow in l7ctl.json("explain") if "ja4" in flow.get("explanation", {})}
    wanted = {(address, host): version for address in addresses
              for host, version in ((WEB_HOST, ("1.3", "t13")), (TLS12_HOST, ("1.2", "t12")),
                                    (QUIC_HOST, ("1.3", "q13")))}
    for key, version in wanted.items():
        if got.get(key) != version:
            yield f"TLS with {key}: {got.get(key)} instead of {version}"


def report(seen):
    families = defaultdict(set)
    for each in seen:
        if each.exchange.protocol:
            families[each.exchange.protocol].add("IPv6" if ":" in each.address else "IPv4")
    both = sorted(protocol for protocol, of in families.items() if len(of) == 2)
    print(f"  {len(both)} protocols over both families: {', '.join(both)}")
    check(len(both) >= LEAST_PROTOCOLS, f"fewer than {LEAST_PROTOCOLS} protocols")


main(test_protocols_live_over_both_families)
