# SPDX-License-Identifier: GPL-2.0-or-later
"""iperf3 through a veth pair, with both hooks attached and without; prints a row of the table.

One stream runs through all of it and the hooks come and go below it, in slices of a fraction of a second, with client
and server on one CPU: two streams of the same kind differ by a third from one run to the next, and two CPUs that hand
packets to each other by a fifth from one slice to the next, so that a few percent could not be seen.
"""

import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from support import servers  # noqa: E402
from support.l7ctl import L7ctl  # noqa: E402
from support.netlab import Lab, wait_for  # noqa: E402

ROUNDS = 120
SLICE = 0.2  # seconds


def received(namespace):
    shown = json.loads(namespace.output(["ip", "-j", "-s", "link", "show", "dev", "v0"]))
    return shown[0]["stats64"]["rx"]["bytes"]


def rate(namespace):
    """Bytes a second over one slice."""
    start, before = time.monotonic(), received(namespace)
    time.sleep(SLICE)
    return (received(namespace) - before) / (time.monotonic() - start)


def main():
    with Lab() as lab:
        left, right = lab.namespace("left"), lab.namespace("right")
        lab.link(left, "v0", right, "v0")
        left.address("v0", "192.0.2.1/24")
        right.address("v0", "192.0.2.2/24")
        bulk = servers.Iperf3(right)
        bulk.start()
        with L7ctl(right).start() as l7ctl:
            l7ctl.attach("v0")
            client = left.popen(["iperf3", "-A", "0,0", "-t", 600, "-c", "192.0.2.2"], name="iperf3")
            wait_for(lambda: received(right) > 1 << 30, "the stream to be under way")
            attached, without = [], []
            for _ in range(ROUNDS):
                attached.append(rate(right))
                l7ctl.detach("v0")
                without.append(rate(right))
                l7ctl.attach("v0")
            # Each slice with hooks over the two beside it.
            ratios = [2 * mine / (before + after) for mine, before, after in zip(attached[1:], without, without[1:])]
            client.stop()
            spread = statistics.quantiles(ratios, n=4)
            print(f"| iperf3 through a veth pair, both hooks attached over without: median of {len(ratios)} slices, "
                  f"quartiles; Gbit/s without | {statistics.median(ratios):.3f}, {spread[0]:.3f} to {spread[2]:.3f}; "
                  f"{statistics.median(without) * 8 / 1e9:.1f} | at least 0.97 |")


main()
