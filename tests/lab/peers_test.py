# SPDX-License-Identifier: GPL-2.0-or-later
"""Peers that trackers and the hash table name: presumed from their first packet, also where they encrypt, and corrected
by their own bytes."""

import hashlib
import os
import socket
import urllib.parse

from support import clients
from support.l7ctl import L7ctl
from support.netlab import LIMIT, Lab, check, expect_equal, wait_for
from support.runner import main
from support.servers import LARGE
from support.servers_services import PROGRAMS, PYTHON, HashTableNode, Opentracker, Seeder

SECONDS = 10
TORRENT = hashlib.sha1(b"a torrent that nobody has").digest()
NODE = b"abcdefghij0123456789"
PEERS_MOST = 100  # of one message, l7ctl.toml(5)


def info_hashes(torrent):
    """Of a description by libtorrent, both versions: SHA-1, and SHA-256 cut to as much."""
    import libtorrent  # pylint: disable=import-outside-toplevel
    both = libtorrent.torrent_info(str(torrent)).info_hashes()
    return [both.v1.to_bytes(), both.v2.to_bytes()[:20]]


def announce(namespace, tracker, info_hash, port):
    """As a peer that waits at the port, by HTTP."""
    query = f"info_hash={urllib.parse.quote(info_hash)}&peer_id={'x' * 20}&port={port}&uploaded=0&downloaded=0" \
            "&left=0&compact=1&event=started"
    return clients.curl(namespace, f"http://{tracker.namespace.ip4}:{tracker.port}/announce?{query}")


def hints(l7ctl):
    return l7ctl.status()["hints"]


def flows_to(l7ctl, address, port, l4="tcp"):
    return [flow for flow in l7ctl.flows() if (flow["l4"], flow["dst"], flow["dport"]) == (l4, address, port)]


def connect(client, listener, address, port, greeting=b""):
    """A connection to a port of ours; what it sends to begin with."""
    with client.entered():
        near = socket.create_connection((address, port), timeout=LIMIT)
    far, _ = listener.accept()
    if greeting:
        far.sendall(greeting)
        near.settimeout(LIMIT)
        expect_equal(near.recv(len(greeting), socket.MSG_WAITALL), greeting, "the greeting")
    return near, far


def listen(server, address, port=0):
    with server.entered():
        return socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)


def close(*ends):
    for end in ends:
        end.close()


def fetch(client, seeder, asked):
    with clients.scratch(client) as directory:
        client.run([PYTHON, PROGRAMS / "bittorrent.py", "find", directory, seeder.torrent, asked], limit=60)
        expect_equal((directory / "large").read_bytes(), LARGE, "BitTorrent file")


def test_encrypted_peers_of_real_trackers():
    """A real client asks a tracker, over HTTP and UDP, and the hash table; it fetches from the peer they name, and
    nothing of that is in the clear."""
    with Lab() as lab:
        client, router, server = lab.router()
        node, seeder = HashTableNode(server), Seeder(server)
        seeder.node_port = node.port
        for end in (node, seeder):
            end.start()
        hashes = info_hashes(seeder.torrent)
        tracker = Opentracker(server, hashes)
        tracker.start()
        for info_hash in hashes:
            announce(server, tracker, info_hash, seeder.port)
        for asked, protocol, l4, port in ((f"http://{server.ip4}:{tracker.port}/announce", "http", "tcp", tracker.port),
                                          (f"udp://{server.ip4}:{tracker.port}", "bittorrent", "udp", tracker.port),
                                          (f"dht://{server.ip4}:{node.port}", "bittorrent", "udp", node.port)):
            with L7ctl(router, name=f"l7ctl-{asked[:4]}").start() as l7ctl:
                l7ctl.attach("c0")
                fetch(client, seeder, asked)  # the peers may meet before the one who named them is heard
                wait_for(lambda: hints(l7ctl)["taken"] >= 2, f"a hint by {asked}")
                before = [flow["sport"] for flow in flows_to(l7ctl, server.ip4, seeder.port)]
                fetch(client, seeder, asked)
                new = wait_for(lambda: [flow for flow in flows_to(l7ctl, server.ip4, seeder.port)
                                        if flow["sport"] not in before], "the peers' connection")
                for flow in new:
                    expect_equal((flow["protocol"], flow["reason"], flow["verdict_packet"]), ("bittorrent", "endpoint", 1),
                                 f"the peers by {asked}")
                expect_equal(flows_to(l7ctl, server.ip4, port, l4)[0]["protocol"], protocol, f"the flow to {asked}")


def test_a_hint_holds_from_the_first_packet_until_bytes_say_otherwise():
    with Lab() as lab:
        client, router, server = lab.router()
        tracker = Opentracker(server, [TORRENT])
        tracker.start()
        listener = listen(server, server.ip4)
        port = listener.getsockname()[1]
        announce(server, tracker, TORRENT, port)
        announce(server, tracker, TORRENT, 22)
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            announce(client, tracker, TORRENT, 6881)
            # TCP and UDP of two peers; the client is one of them, and port 22 is nobody's.
            wait_for(lambda: hints(l7ctl)["alive"] == 4, "the hints")
            check("hints alive 4 taken 4 " in l7ctl.text("status"), "no line of the hints")
            ends = connect(client, listener, server.ip4, port)
            flow, = wait_for(lambda: flows_to(l7ctl, server.ip4, port), "the flow")
            expect_equal((flow["protocol"], flow["reason"], flow["verdict_packet"]), ("bittorrent", "endpoint", 1),
                         "before any payload")
            close(*ends)
            ends = connect(client, listener, server.ip4, port, b"SSH-2.0-OpenSSH_9.2\r\n")
            wait_for(lambda: [flow for flow in flows_to(l7ctl, server.ip4, port) if flow["protocol"] == "ssh"],
                     "SSH by its bytes")
            close(*ends)
            wait_for(lambda: hints(l7ctl)["contrary"] == 1, "the hint to be forgotten")
            announce(client, tracker, TORRENT, 6881)
            wait_for(lambda: hints(l7ctl)["contrary"] >= 2, "the same hint to be heard again, and not to be believed")
            ends = connect(client, listener, server.ip4, port)
            wait_for(lambda: [flow for flow in flows_to(l7ctl, server.ip4, port) if flow["protocol"] == "unset"],
                     "a flow of which nothing is presumed")
            close(listener, *ends)


def test_the_hash_table_over_ipv6():
    """Scripted nodes: a question, and an answer; then one with more peers than a message may name."""
    with Lab() as lab:
        client, router, server = lab.router()
        listener = listen(server, server.ip6)
        port = listener.getsockname()[1]
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            ask_node(client, server, [(server.ip6, port)])
            wait_for(lambda: hints(l7ctl)["alive"] == 2, "TCP and UDP of the peer")
            ends = connect(client, listener, server.ip6, port)
            flow, = wait_for(lambda: flows_to(l7ctl, server.ip6, port), "the flow")
            expect_equal((flow["protocol"], flow["reason"], flow["verdict_packet"]), ("bittorrent", "endpoint", 1),
                         "before any payload")
            close(listener, *ends)
            # A datagram in fragments, of which we see the first.
            ask_node(client, server, [(f"2001:db8:3::{number:x}", 6881) for number in range(1, 151)])
            wait_for(lambda: hints(l7ctl)["alive"] > 2, "some of many")


def test_more_peers_than_a_message_may_name():
    with Lab() as lab:
        client, router, server = lab.router()
        # One worker hears everything in its order.
        with L7ctl(router, "[daemon]\nworkers = 1\n").start() as l7ctl:
            l7ctl.attach("c0")
            ask_node(client, server, [(f"203.0.113.{number}", 6881) for number in range(1, PEERS_MOST + 51)])
            ask_node(client, server, [(server.ip4, 6881)])
            # TCP and UDP of each. With those of the second message, all of the first have been taken that are.
            wait_for(lambda: hints(l7ctl)["taken"] > 2 * PEERS_MOST, "the peer of the second message")
            wait_for(lambda: hints(l7ctl)["taken"] % 2 == 0, "both hints of that")
            expect_equal(hints(l7ctl)["alive"], 2 * PEERS_MOST + 2, "hints")


def ask_node(client, server, peers):
    """get_peers of BEP 5, answered with these peers, all of one family."""
    six = ":" in peers[0][0]
    family, size = (socket.AF_INET6, 18) if six else (socket.AF_INET, 6)
    asked = b"d1:ad2:id20:%s9:info_hash20:%se1:q9:get_peers1:t2:aa1:y1:qe" % (NODE, TORRENT)
    values = b"".join(b"%d:%s%s" % (size, socket.inet_pton(family, address), port.to_bytes(2, "big"))
                      for address, port in peers)
    answer = b"d1:rd2:id20:%s5:token2:xy6:valuesl%see1:t2:aa1:y1:re" % (NODE, values)
    with server.entered():
        node = socket.socket(family, socket.SOCK_DGRAM)
        node.bind((server.ip6 if six else server.ip4, 0))
    with client.entered():
        asking = socket.socket(family, socket.SOCK_DGRAM)
    with node, asking:
        asking.sendto(asked, node.getsockname()[:2])
        for end in (node, asking):
            end.settimeout(LIMIT)
        got, whom = node.recvfrom(4096)
        expect_equal(got, asked, "the question")
        node.sendto(answer, whom)
        expect_equal(asking.recv(65536), answer, "the answer")


def test_without_a_memory_there_are_no_hints():
    with Lab() as lab:
        client, router, server = lab.router()
        tracker = Opentracker(server, [TORRENT])
        tracker.start()
        listener = listen(server, server.ip4)
        port = listener.getsockname()[1]
        announce(server, tracker, TORRENT, port)
        with L7ctl(router, "[memory]\nservers = false\n").start() as l7ctl:
            l7ctl.attach("c0")
            announce(client, tracker, TORRENT, 6881)
            expect_equal(hints(l7ctl), None, "the hints")
            wait_for(lambda: l7ctl.flows("protocol", "http"), "the tracker's answer to be heard")
            ends = connect(client, listener, server.ip4, port, os.urandom(200))
            close(listener, *ends)
            # A presumption would be there from the first packet, and stay.
            flow, = wait_for(lambda: [one for one in flows_to(l7ctl, server.ip4, port) if one["protocol"] != "unset"],
                             "a verdict")
            expect_equal(flow["protocol"], "unknown", "what it is")


if __name__ == "__main__":
    main(test_encrypted_peers_of_real_trackers, test_a_hint_holds_from_the_first_packet_until_bytes_say_otherwise,
         test_the_hash_table_over_ipv6, test_more_peers_than_a_message_may_name, test_without_a_memory_there_are_no_hints)
