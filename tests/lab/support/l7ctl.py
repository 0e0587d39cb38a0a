# SPDX-License-Identifier: GPL-2.0-or-later
"""l7ctl in a namespace of the lab, with pins, socket and log of its own."""

import contextlib
import json
import os
import re
import sys
from pathlib import Path

from . import netlab
from .netlab import BPFFS_DIR, wait_for

REPOSITORY = Path(__file__).resolve().parents[3]
SHOWN = 4000  # characters of an answer


def binary():
    return Path(sys.argv[1] if len(sys.argv) > 1 else REPOSITORY / "build/release/l7ctl").resolve()


class L7ctl:
    """Start it with start(), or let the first attach() do so. Leaves nothing behind when its lab ends."""

    def __init__(self, namespace, config="", patterns=None, name="l7ctl", env=None):
        self.namespace = namespace
        self.dir = Path(namespace.lab.dir) / name
        self.dir.mkdir()
        self.pins = BPFFS_DIR / f"{namespace.name}-{name}"
        self.config = self.dir / "l7ctl.toml"
        self.config.write_text(config)
        self.env = {
            "L7CTL_BPFFS": str(self.pins), "L7CTL_SOCKET": str(self.dir / "socket"),
            "L7CTL_LOG": str(self.dir / "log"), "L7CTL_CONFIG": str(self.config),
            "L7CTL_PATTERNS": str(patterns or REPOSITORY / "patterns"),
            "L7CTL_CACHE": os.environ.get("L7CTL_CACHE", "/var/cache/l7ctl"), **(env or {}),
        }
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.show()
        if self.process:
            self.process.stop()
        else:
            self.run("stop", check=False)
            wait_for(lambda: not self.answers(), "the daemon's end")
        # The programs outlive their daemon on purpose; the lab does not.
        netlab.run(["rm", "-rf", self.pins])

    def show(self):
        """What it knew where a test failed, of which nothing is left afterwards."""
        for words in (("status",), ("expect",), ("flows",)):
            with contextlib.suppress(netlab.TimedOut):  # a daemon that was stopped answers nothing
                told = self.run(*words, check=False, limit=5).stdout.decode(errors="replace")
                print(f"-- l7ctl {' '.join(words)}\n{told[:SHOWN]}", flush=True)

    def start(self, *options, ready=True):
        self.process = self.namespace.popen([binary(), "daemon", *options], name="l7ctl", env=self.env)
        if ready:
            wait_for(self._up_or_dead, "the daemon's answer", 90)  # patterns compile the first time
        return self

    def _up_or_dead(self):
        if not self.process.running():
            raise netlab.LabError(f"the daemon ended: {self.process.log()}")
        return self.answers()

    def answers(self):
        return self.run("status", check=False).returncode == 0

    def run(self, *words, check=True, limit=90, **options):
        return self.namespace.run([binary(), *words], env=self.env, check=check, limit=limit, **options)

    def text(self, *words):
        return self.run(*words).stdout.decode()

    def json(self, *words):
        return [json.loads(line) for line in self.text("-j", *words).splitlines()]

    def attach(self, dev, *words):
        return self.run("attach", "dev", dev, *words)

    def detach(self, dev):
        return self.run("detach", "dev", dev)

    def flows(self, *filters):
        return self.json("flows", *filters)

    def children(self, protocol, l4=None):
        """Flows of the protocol that had been announced."""
        return [flow for flow in self.flows("protocol", protocol)
                if flow["reason"] == "expected" and l4 in (None, flow["l4"])]

    def status(self):
        return self.json("status")[0]

    def counter(self, name):
        return self.status()["counters"][name]

    def stats(self, dev, direction, protocol):
        """The row of `stats`, or zeros."""
        for row in self.json("stats", "dev", dev):
            if row["direction"] == direction and row["protocol"] == protocol:
                return row
        return {"packets": 0, "bytes": 0, "flows": 0}


def classes(namespace, dev):
    """classid -> (packets, bytes) of a device's HTB classes."""
    text = namespace.output(["tc", "-s", "class", "show", "dev", dev])
    found = re.findall(r"class htb (\S+) .*?\n\s*Sent (\d+) bytes (\d+) pkt", text, re.DOTALL)
    return {classid: (int(packets), int(size)) for classid, size, packets in found}


def make_htb(namespace, dev, minors, default="ff", rate="10gbit"):
    """A root HTB with one class for each minor number, and a default, of this rate each."""
    namespace.run(["tc", "qdisc", "add", "dev", dev, "root", "handle", "1:", "htb", "default", f"0x{default}"])
    for minor in [*minors, default]:
        namespace.run(["tc", "class", "add", "dev", dev, "parent", "1:", "classid", f"1:{minor}",
                       "htb", "rate", rate, "quantum", "60000"])
