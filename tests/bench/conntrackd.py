# SPDX-License-Identifier: GPL-2.0-or-later
"""What conntrackd takes for the same job between two nodes of the lab: rows of the table, beside bench_sync's.

100,000 connections are entered into one node's connection tracking; conntrackd (FTFW) tells the other's external cache,
which is then committed. With a part of its packets lost, what is missing there is counted.
"""

import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from support.netlab import Lab, TimedOut, wait_for  # noqa: E402

FLOWS = 100_000
LIMIT = 120  # seconds
CONFIG = """
Sync {{
    Mode FTFW {{
        DisableExternalCache off
    }}
    UDP {{
        IPv4_address {own}
        IPv4_Destination_Address {peer}
        Port 3780
        Interface v0
        SndSocketBuffer 8388608
        RcvSocketBuffer 8388608
        Checksum on
    }}
}}
General {{
    HashSize 65536
    HashLimit 262144
    LogFile {dir}/log
    LockFile {dir}/lock
    UNIX {{
        Path {dir}/control
    }}
    NetlinkBufferSize 8388608
    NetlinkBufferSizeMaxGrowth 67108864
    Filter From Kernelspace {{
        Protocol Accept {{
            TCP
        }}
    }}
}}
"""


class Node:
    def __init__(self, lab, namespace, own, peer):
        self.namespace = namespace
        self.dir = lab.dir / f"conntrackd-{own}"
        self.dir.mkdir()
        self.config = self.dir / "conf"
        self.config.write_text(CONFIG.format(own=own, peer=peer, dir=self.dir))
        self.process = namespace.popen(["conntrackd", "-C", str(self.config)], name="conntrackd")
        wait_for(lambda: self.ask("-s"), "conntrackd")

    def ask(self, *words):
        done = self.namespace.run(["conntrackd", "-C", str(self.config), *words], limit=LIMIT, check=False)
        return done.stdout.decode() if done.returncode == 0 else ""

    def cache(self, which):
        """Connections in it."""
        found = re.search(rf"cache {which}:\s*current active connections:\s*(\d+)", self.ask("-s"))
        return int(found.group(1)) if found else 0

    def tracked(self):
        return int(self.namespace.output(["conntrack", "-C"]))

    def enter(self, first, count):
        lines = []
        for i in range(first, first + count):
            source, target, port = f"192.0.2.{i & 255}", f"198.51.100.{i >> 8 & 255}", 1024 + (i >> 16)
            lines.append(f"-A -p tcp -s {source} -d {target} --sport {port} --dport 443 --state ESTABLISHED "
                         "-u ASSURED,SEEN_REPLY -t 3600\n")
        path = self.dir / "entries"
        path.write_text("".join(lines))
        self.namespace.run(["conntrack", "-R", str(path)], limit=LIMIT)


def nodes(lab):
    left, right = lab.namespace("left"), lab.namespace("right")
    lab.link(left, "v0", right, "v0")
    left.address("v0", "203.0.113.1/24")
    right.address("v0", "203.0.113.2/24")
    return Node(lab, left, "203.0.113.1", "203.0.113.2"), Node(lab, right, "203.0.113.2", "203.0.113.1")


def row(what, got):
    print(f"| conntrackd, the same lab: {what} | {got} | - |", flush=True)


def settled(peer):
    """What its external cache has, once nothing more comes."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < 3:
        now = peer.cache("external")
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.05)
    return before


def main():
    with Lab() as lab:
        one, other = nodes(lab)
        start = time.monotonic()
        one.enter(0, FLOWS)
        entered = time.monotonic() - start
        try:
            wait_for(lambda: other.cache("external") >= FLOWS, "the external cache", LIMIT)
            row(f"{FLOWS} connections, from the first entry until the peer's cache has all (entering alone)",
                f"{time.monotonic() - start:.2f} s ({entered:.2f} s)")
        except TimedOut:
            row(f"connections in the peer's cache of {FLOWS}, after {LIMIT} s", other.cache("external"))
        start = time.monotonic()
        other.ask("-c")
        wanted = other.cache("external")
        wait_for(lambda: other.tracked() >= wanted, "the commit", LIMIT)
        row(f"commit of {wanted} into the kernel", f"{time.monotonic() - start:.2f} s")
    with Lab() as lab:
        one, other = nodes(lab)
        for node in (one, other):
            node.namespace.run(["nft", "add table ip lossy { chain in { type filter hook input priority 0; "
                                       "udp dport 3780 numgen random mod 100 < 5 drop; }; }"])
        one.enter(0, FLOWS)
        row(f"connections in the peer's cache of {FLOWS}, 5 % of packets lost", settled(other))


main()
