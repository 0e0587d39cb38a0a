# SPDX-License-Identifier: GPL-2.0-or-later
"""What conntrackd takes for the same job between two nodes of the lab: rows of the table, beside bench_sync's.

100,000 connections are entered into one node's connection tracking; conntrackd (FTFW) tells the other's external cache,
which is then committed. With a part of its packets lost, what is missing there is counted.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from support.conntrackd import LIMIT, Conntrackd  # noqa: E402
from support.netlab import Lab, TimedOut, wait_for  # noqa: E402

FLOWS = 100_000


def enter(node, first, count):
    lines = []
    for i in range(first, first + count):
        source, target, port = f"192.0.2.{i & 255}", f"198.51.100.{i >> 8 & 255}", 1024 + (i >> 16)
        lines.append(f"-A -p tcp -s {source} -d {target} --sport {port} --dport 443 --state ESTABLISHED "
                     "-u ASSURED,SEEN_REPLY -t 3600\n")
    path = node.dir / "entries"
    path.write_text("".join(lines))
    node.namespace.run(["conntrack", "-R", str(path)], limit=LIMIT)


def nodes(lab):
    left, right = lab.namespace("left"), lab.namespace("right")
    lab.link(left, "v0", right, "v0")
    left.address("v0", "203.0.113.1/24")
    right.address("v0", "203.0.113.2/24")
    return (Conntrackd(lab, left, "v0", "203.0.113.1", "203.0.113.2"),
            Conntrackd(lab, right, "v0", "203.0.113.2", "203.0.113.1"))


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
        enter(one, 0, FLOWS)
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
        enter(one, 0, FLOWS)
        row(f"connections in the peer's cache of {FLOWS}, 5 % of packets lost", settled(other))


main()
