# SPDX-License-Identifier: GPL-2.0-or-later
"""The scene of the demonstration: a router that forwards, generates and terminates, each protocol in a class."""

from . import servers
from .exchanges import EXCHANGES
from .l7ctl import L7ctl, make_htb
from .server import start_all

# protocol -> minor number of its HTB class
CLASS_OF = {"http": "10", "tls": "11", "ssh": "12", "ftp": "13", "dns": "14", "redis": "15", "mqtt": "16",
            "smtp": "17", "imap": "18", "memcached": "19", "rsync": "1a", "git": "1b"}
SERVERS = (servers.Nginx, servers.Sshd, servers.Vsftpd, servers.Dnsmasq, servers.Redis, servers.Mosquitto,
           servers.Postfix, servers.Dovecot, servers.Memcached, servers.Rsyncd, servers.GitDaemon)
SHOWN = {"http", "https", "https-tls1.2", "ssh", "ftp", "dns", "redis", "mqtt", "smtp", "imap", "memcached",
         "rsync", "git"}
# An answer 50 us after its question passes before the verdict. A server that was asked before is known.
TIMES = {"dns": 3}


def config():
    rules = "".join(f'[[rule]]\nprotocol = "{protocol}"\nclassid = "1:{minor}"\nmark = 0x{minor}00\n'
                    for protocol, minor in CLASS_OF.items())
    return "[mark]\nmask = 0xff00\n" + rules + '[[rule]]\nunset = true\nclassid = "1:f0"\n'


class Scene:
    """Servers behind the router, an own web and ssh server on it, HTB and l7ctl on both its devices."""

    def __init__(self, lab):
        self.client, self.router, self.server = lab.router()
        self.far = {kind: kind(self.server) for kind in SERVERS}
        self.near = {kind: kind(self.router) for kind in (servers.Nginx, servers.Sshd)}
        start_all([*self.far.values(), *self.near.values()])
        for dev in ("c0", "s0"):
            make_htb(self.router, dev, [*CLASS_OF.values(), "f0"])
        self.l7ctl = L7ctl(self.router, config())

    def traffic(self):
        """(what, client, address) of each exchange, as it is done."""
        for exchange in EXCHANGES:
            if exchange.name not in SHOWN:
                continue
            for address in (self.server.ip4, self.server.ip6):
                for _ in range(TIMES.get(exchange.name, 1)):
                    exchange.client(self.client, self.far[exchange.server], address)
                yield "forwarded", exchange.name, address
        for exchange in EXCHANGES:
            if exchange.name not in ("http", "https", "ssh"):
                continue
            for address in (self.server.ip4, self.server.ip6):
                exchange.client(self.router, self.far[exchange.server], address)
                yield "locally generated", exchange.name, address
            for address in (self.router.ip4, self.router.ip6):
                exchange.client(self.client, self.near[exchange.server], address)
                yield "locally terminated", exchange.name, address
