# SPDX-License-Identifier: GPL-2.0-or-later
"""iperf3 through a veth pair, with both hooks attached and without, in turn; prints a row of the table."""

import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from support import servers  # noqa: E402
from support.l7ctl import L7ctl  # noqa: E402
from support.netlab import Lab  # noqa: E402

ROUNDS = 7
SECONDS = 2


def measure(namespace, target):
    out = namespace.output(["iperf3", "-J", "-t", SECONDS, "-c", target], limit=SECONDS + 20)
    return json.loads(out)["end"]["sum_received"]["bits_per_second"]


def main():
    with Lab() as lab:
        left, right = lab.namespace("left"), lab.namespace("right")
        lab.link(left, "v0", right, "v0")
        left.address("v0", "192.0.2.1/24")
        right.address("v0", "192.0.2.2/24")
        bulk = servers.Iperf3(right)
        bulk.start()
        with L7ctl(right).start() as l7ctl:
            measure(left, "192.0.2.2")  # warm
            ratios, speeds = [], []
            for _ in range(ROUNDS):
                without = measure(left, "192.0.2.2")
                l7ctl.attach("v0")
                attached = measure(left, "192.0.2.2")
                l7ctl.detach("v0")
                ratios.append(attached / without)
                speeds.append(without)
            print(f"| iperf3 through a veth pair, both hooks attached over without, {ROUNDS} rounds; Gbit/s without "
                  f"| {statistics.median(ratios):.3f}; {statistics.median(speeds) / 1e9:.1f} | at least 0.97 |")


main()
