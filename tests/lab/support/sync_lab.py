# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes that replicate: each with a namespace, a redis-server and a sync_node of its own, on one switch."""

import json
import signal
import socket

from .l7ctl import binary
from .netlab import LabError, check, wait_for
from .server import START_LIMIT, Server

FLOWS_APART = 1_000_000  # between the numbers of two nodes' flows


class SyncRedis(Server):
    name = "redis"
    port = 6379

    def __init__(self, namespace, lines=(), **options):
        super().__init__(namespace, **options)
        self.lines = lines

    def prepare(self):
        self.write("redis.conf", "\n".join(["bind * -::*", f"port {self.port}", "protected-mode no", 'save ""',
                                            f"dir {self.dir}", *(line.format(dir=self.dir) for line in self.lines)]))

    def command(self):
        return ["redis-server", self.dir / "redis.conf"]

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def again(self):
        """The same once more, with what it kept on its disk."""
        self.process = self.namespace.popen([str(word) for word in self.command()], name=self.name, cwd=self.dir)
        wait_for(self._ready_or_dead, "redis-server", START_LIMIT)
        wait_for(lambda: "PONG" in self.cli("PING"), "redis-server to have read its file", START_LIMIT)

    def cli(self, *words):
        return self.namespace.output(["redis-cli", "-p", self.port, *words])


class SyncNode:
    """The sync_node of one of a Fleet's names."""

    def __init__(self, fleet, number, options=()):
        self.fleet, self.number, self.options = fleet, number, options
        self.name = fleet.names[number]
        self.namespace = fleet.namespaces[number]
        self.redis = fleet.redis[number]
        self.first = number * FLOWS_APART
        self.control = self.namespace.lab.dir / f"control-{self.name}"
        self.process = None

    def start(self):
        peers = [f"{name}={self.fleet.address(i)}" for i, name in enumerate(self.fleet.names) if i != self.number]
        program = binary().parent / "tests" / "sync_node"
        self.process = self.namespace.popen([program, self.control, self.name, self.fleet.address(self.number), *peers,
                                             *self.options], name="sync_node")
        wait_for(self._answers_or_dead, "sync_node", START_LIMIT)
        return self

    def _answers_or_dead(self):
        if not self.process.running():
            raise LabError(f"sync_node ended: {self.process.log()}")
        try:
            return self.ask("table") == 0
        except OSError:
            return False

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def ask(self, line, limit=60):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(limit)
            sock.connect(str(self.control))
            sock.sendall(line.encode() + b"\n")
            with sock.makefile() as answer:
                return json.loads(answer.readline())

    def flows(self, count, version=1, offset=0):
        self.ask(f"flows {self.first + offset} {count} {version}")

    def status(self):
        return self.ask("status")

    def of(self, peer):
        """What is known here of a peer."""
        return next(one for one in self.status()["external"] if one["peer"] == peer.name)

    def sent(self):
        """Whether nothing waits any more."""
        status = self.status()
        return status["internal"]["up"] and status["outbox"]["waiting"] == 0

    def wrong(self, peer, count, version=1, offset=0):
        """How many of a peer's flows are missing in our table, or not as they should be."""
        return self.ask(f"wrong {peer.first + offset} {count} {version}")

    def committed_wrong(self, peer, *runs):
        """The same of runs (count, version, offset), after a commit into an empty table."""
        self.ask("clear")
        done = self.ask(f"commit {peer.name}")
        check("error" not in done, done)
        return sum(self.wrong(peer, *run) for run in runs)


class Fleet:
    """Nodes a, b, ... on a switch; each reaches all others."""

    def __init__(self, lab, count, options=(), redis=()):
        self.lab = lab
        self.names = "abcdefgh"[:count]
        self.options = options
        self.shared = False  # whether all write to the first one's Redis
        self.switch = lab.namespace("switch")
        self.switch.run(["ip", "link", "add", "br0", "type", "bridge"])
        self.switch.run(["ip", "link", "set", "br0", "up"])
        self.namespaces = [lab.namespace(name) for name in self.names]
        for number, namespace in enumerate(self.namespaces):
            lab.link(namespace, "eth0", self.switch, f"p{number}")
            namespace.address("eth0", f"192.0.2.{number + 1}/24")
            self.switch.run(["ip", "link", "set", f"p{number}", "master", "br0", "up"])
        self.redis = [SyncRedis(namespace, redis) for namespace in self.namespaces]
        for one in self.redis:
            one.start()
        self.nodes = [SyncNode(self, number, options) for number in range(count)]

    def address(self, number):
        return f"192.0.2.{1 if self.shared else number + 1}:6379"

    def start(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            wait_for(lambda: all(peer["state"] == "up" for peer in node.status()["external"]),
                     lambda: f"{node.name} to see its peers: {node.status()}")
        return self.nodes


def filter_packets(namespace, rule):
    """Every packet that comes into the namespace over eth0 meets this rule of nftables."""
    namespace.run(["nft", "-f", "-"], stdin=b"""
table inet lossy {
    chain in {
        type filter hook input priority 0
        iifname "eth0" %s
    }
}
""" % rule.encode())


def heal(namespace):
    namespace.run(["nft", "delete", "table", "inet", "lossy"])
