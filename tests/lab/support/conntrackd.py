# SPDX-License-Identifier: GPL-2.0-or-later
"""conntrackd beside us: a node that tells another the kernel's connections, over a link of theirs (FTFW)."""

import re

from .netlab import wait_for

LIMIT = 120.0  # seconds
CONFIG = """
Sync {{
    Mode FTFW {{
        DisableExternalCache off
    }}
    UDP {{
        IPv4_address {own}
        IPv4_Destination_Address {peer}
        Port 3780
        Interface {dev}
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


class Conntrackd:
    def __init__(self, lab, namespace, dev, own, peer):
        self.namespace = namespace
        self.dir = lab.dir / f"conntrackd-{own}"
        self.dir.mkdir()
        self.config = self.dir / "conf"
        self.config.write_text(CONFIG.format(dev=dev, own=own, peer=peer, dir=self.dir))
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
