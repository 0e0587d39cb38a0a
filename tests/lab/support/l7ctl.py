# SPDX-License-Identifier: GPL-2.0-or-later
"""l7ctl in a namespace of the lab, with pins, socket and log of its own."""

import contextlib
import json
import os
import re
import socket
from pathlib import Path

from . import netlab, runner
from .netlab import BPFFS_DIR, LIMIT, LabError, NotTestable, wait_for

REPOSITORY = Path(__file__).resolve().parents[3]
SHOWN = 4000  # characters of an answer
QUESTIONS_SHOWN = 3  # the last ones about flows, which are explained where a test failed
START_LIMIT = 90  # patterns compile the first time
# The library that serves metrics takes two seconds to end, and only their own test asks for them.
NO_METRICS = '\n[metrics]\nlisten = "off"\n'


def binary():
    return Path(runner.arguments().binary or REPOSITORY / "build/release/l7ctl").resolve()


class L7ctl:
    """Start it with start(), or let the first attach() do so. Leaves nothing behind when its lab ends. Serves metrics only
    where it is told so, or its configuration speaks of them.

    What a test looks at again and again (flows, status, stats, expect) it asks the daemon for itself: on a busy machine a
    command takes a tenth of a second to start, and many of them keep the machine busy. run(), text() and json() are the
    commands that people use."""

    def __init__(self, namespace, config="", patterns=None, name="l7ctl", env=None, metrics=False):
        self.namespace, self.metrics = namespace, metrics
        self.dir = Path(namespace.lab.dir) / name
        self.dir.mkdir()
        self.pins = BPFFS_DIR / f"{namespace.name}-{name}"
        self.config = self.dir / "l7ctl.toml"
        self.configure(config)
        self.env = {
            "L7CTL_BPFFS": str(self.pins), "L7CTL_SOCKET": str(self.dir / "socket"),
            "L7CTL_LOG": str(self.dir / "log"), "L7CTL_CONFIG": str(self.config),
            "L7CTL_PATTERNS": str(patterns or REPOSITORY / "patterns"),
            "L7CTL_CACHE": os.environ.get("L7CTL_CACHE", "/var/cache/l7ctl"), **(env or {}),
        }
        self.process = None
        self.questions = {}  # filters of flows, the last asked last

    def configure(self, text):
        """Writes the configuration; a daemon that runs is told of it by `reload`."""
        self.config.write_text(text + ("" if self.metrics or "[metrics]" in text else NO_METRICS))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind and not issubclass(kind, NotTestable):
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
        asked = [("explain", *filters) for filters in list(self.questions)[-QUESTIONS_SHOWN:]]
        with contextlib.suppress(netlab.TimedOut):  # a daemon that was stopped answers nothing
            for words in (("status",), ("expect",), ("flows",), *asked):
                done = self.run(*words, check=False, limit=10)
                told = (done.stdout + done.stderr).decode(errors="replace")
                print(f"-- {self.dir.name} {' '.join(words)}\n{told[:SHOWN]}", flush=True)
        logs = [self.dir / "log", *([self.process.log_path] if self.process else [])]
        for log in logs:
            if log.exists() and (text := log.read_text(errors="replace")):
                print(f"-- {self.dir.name}: the end of its log\n{text[-SHOWN:]}", flush=True)

    def start(self, *options, ready=True):
        self.process = self.namespace.popen([binary(), "daemon", *options], name="l7ctl", env=self.env)
        if ready:
            wait_for(self._up_or_dead, "the daemon's answer", START_LIMIT)
        return self

    def _up_or_dead(self):
        if not self.process.running():
            raise LabError(f"the daemon ended: {self.process.log()}")
        return self.answers()

    def answers(self):
        try:
            return bool(self.ask("status"))
        except OSError:
            return False

    def ask(self, command, **fields):
        """What the daemon answers to a request on its control socket, as the command prints it with -j."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(LIMIT)
            control.connect(self.env["L7CTL_SOCKET"])
            control.sendall(json.dumps({"command": command, "json": True, **fields}).encode() + b"\n")
            with control.makefile("rb") as answer:
                lines = answer.read().splitlines()
        if not lines or not lines[-1].startswith(b"!"):
            raise ConnectionError(f"the daemon went away while it answered {command}")
        status = json.loads(lines[-1][1:])
        if status.get("code", 1) != 0:
            raise LabError(f"{command}: {status}")
        return [json.loads(line[1:]) for line in lines[:-1]]

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
        return self.ask("flows", filter=self._noted(filters))

    def explain(self, *filters):
        return self.ask("explain", filter=self._noted(filters))

    def _noted(self, filters):
        words = tuple(str(word) for word in filters)
        self.questions.pop(words, None)
        self.questions[words] = True
        return words

    def children(self, protocol, l4=None):
        """Flows of the protocol that had been announced."""
        return [flow for flow in self.flows("protocol", protocol)
                if flow["reason"] == "expected" and l4 in (None, flow["l4"])]

    def awaited(self):
        """The connections that others have announced, and that have not come yet."""
        return self.ask("expect")

    def status(self):
        return self.ask("status")[0]

    def counter(self, name):
        return self.status()["counters"][name]

    def traffic(self, dev="", by="protocol"):
        """The rows of `stats`."""
        return self.ask("stats", dev=dev, by=by)

    def stats(self, dev, direction, protocol):
        """The row of `stats`, or zeros."""
        for row in self.traffic(dev):
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
