# SPDX-License-Identifier: GPL-2.0-or-later
"""`scripts/run` without a device: l7ctl at work on a router between real clients and servers, and what it saw."""

import sys

from support.l7ctl import classes
from support.netlab import Lab, leftovers, wait_for
from support.scene import CLASS_OF, Scene


def heading(text):
    print(f"\n== {text}", flush=True)


def main():
    with Lab() as lab:
        heading("client -- router -- server: namespaces, real servers, HTB on the router's c0 and s0")
        scene = Scene(lab)
        with scene.l7ctl.start() as l7ctl:
            for dev in ("c0", "s0"):
                l7ctl.attach(dev)
                print(f"l7ctl attach dev {dev}")
            heading("traffic")
            for way, what, address in scene.traffic():
                print(f"{way:<18} {what:<13} {address}")
            wait_for(lambda: not [flow for flow in l7ctl.flows("l4", "tcp") if flow["protocol"] == "unset"],
                     "every connection's verdict")
            heading("l7ctl flows")
            print(l7ctl.text("flows"), end="")
            heading("l7ctl stats")
            print(l7ctl.text("stats"), end="")
            heading("tc -s class: where the packets went")
            protocol_of = {f"1:{minor}": protocol for protocol, minor in CLASS_OF.items()}
            seen = set()
            for dev in ("c0", "s0"):
                for classid, (packets, size) in sorted(classes(scene.router, dev).items()):
                    name = protocol_of.get(classid, {"1:f0": "(unset)", "1:ff": "(default)"}.get(classid, ""))
                    print(f"dev {dev} class {classid:<5} {name:<10} {packets:>6} packets {size:>9} bytes")
                    if packets and classid in protocol_of:
                        seen.add(name)
            print(f"\n{len(seen)} protocols left in their classes: {', '.join(sorted(seen))}")
    if left := leftovers():
        sys.exit(f"left behind: {left}")
    if len(seen) < 8:
        sys.exit("fewer than 8 protocols were seen in their classes")


main()
