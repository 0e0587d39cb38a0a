# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers, as in servers.py: messages, calls, files, things and peers."""

from pathlib import Path

from .server import UDP_BOUND, Server
from .servers import DOMAIN, LARGE, SMALL, TCP_LISTEN

PROGRAMS = Path(__file__).resolve().parent / "programs"
PYTHON = "/usr/bin/python3"


class Nats(Server):
    name = "nats"
    port = 4222

    def command(self):
        return ["nats-server", "--addr", "::", "--port", self.port]


class Gearmand(Server):
    name = "gearmand"
    port = 4730

    def command(self):
        return ["gearmand", "--port", self.port, "--log-file", "stderr"]


class Prosody(Server):
    name = "prosody"
    port = 5222

    def prepare(self):
        self.make_certificate(DOMAIN)
        self.write("prosody.cfg.lua", f"""
            run_as_root = true
            pidfile = "{self.dir}/pid"
            data_path = "{self.dir}"
            certificates = "{self.dir}"
            plugin_paths = {{}}
            modules_enabled = {{ "saslauth", "tls", "disco" }}
            modules_disabled = {{ "s2s" }}
            c2s_ports = {{ {self.port} }}
            interfaces = {{ "*", "::" }}
            log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
            VirtualHost "{DOMAIN}"
                ssl = {{ key = "{self.dir}/key.pem", certificate = "{self.dir}/certificate.pem" }}
            """)

    def command(self):
        return ["prosody", "-F", "--config", self.dir / "prosody.cfg.lua"]


class Sipp(Server):
    """Takes every call."""

    name = "sipp"
    port = 5060
    udp = True

    def command(self):
        return ["sipp", "-sn", "uas", "-i", "::", "-p", self.port, "-nostdin"]


class CoapServer(Server):
    name = "coap-server"
    port = 5683
    udp = True

    def command(self):
        return ["coap-server-notls", "-A", "::", "-p", self.port]


class Nghttpd(Server):
    """HTTP/2 without TLS."""

    name = "nghttpd"
    port = 8080

    def prepare(self):
        self.write("www/small", SMALL)
        (self.dir / "tmp").mkdir()

    def command(self):
        # It writes into /tmp, wherever TMPDIR is. Ours on top may hide the lab's directory, but not the current one.
        return ["sh", "-ec", 'mount --bind tmp /tmp; exec "$@"', "nghttpd",
                "nghttpd", "--no-tls", "--htdocs", "www", self.port]


class Websockets(Server):
    """Echoes messages."""

    name = "websockets"
    port = 8081

    def command(self):
        return [PYTHON, PROGRAMS / "websocket.py", "serve", self.port]


class Seeder(Server):
    """Has the whole of one torrent, over TCP and uTP."""

    name = "seeder"
    port = 6881
    node_port = None  # of a hash table's node on its host: found by it, and encrypted

    @property
    def torrent(self):
        return self.dir / "large.torrent"

    def prepare(self):
        self.write("large", LARGE)

    def command(self):
        return [PYTHON, PROGRAMS / "bittorrent.py", "seed", self.dir / "large", self.torrent, self.port,
                *([self.node_port] if self.node_port else [])]

    def ready(self):
        return self.torrent.exists() and super().ready()


class HashTableNode(Server):
    """A node of BitTorrent's distributed hash table."""

    name = "dht-node"
    port = 6889
    udp = True

    def command(self):
        return [PYTHON, PROGRAMS / "bittorrent.py", "node", self.port]

    def ready(self):
        return self.has_socket("udp", state=UDP_BOUND)


class Opentracker(Server):
    """Tells peers of these torrents about each other, over HTTP and UDP. Knows IPv4 only."""

    name = "opentracker"
    port = 6969

    def __init__(self, namespace, info_hashes):
        super().__init__(namespace)
        self.info_hashes = info_hashes

    def prepare(self):
        self.write("whitelist", "".join(f"{one.hex()}\n" for one in self.info_hashes))

    def command(self):
        return ["opentracker", "-i", self.namespace.ip4, "-p", self.port, "-P", self.port, "-u", "nobody",
                "-d", self.dir, "-w", "whitelist"]  # below its root

    def ready(self):
        return self.has_socket("tcp", state=TCP_LISTEN) and self.has_socket("udp", state=UDP_BOUND)


class ZabbixAgent(Server):
    name = "zabbix"
    port = 10050
    host = f"zabbix.{DOMAIN}"

    def prepare(self):
        self.write("zabbix.conf", f"""
LogType=console
PidFile={self.dir}/pid
Hostname={self.host}
Server=0.0.0.0/0,::/0
ListenIP=0.0.0.0,::
ListenPort={self.port}
AllowRoot=1
StartAgents=1
""")

    def command(self):
        return ["zabbix_agentd", "--foreground", "--config", self.dir / "zabbix.conf"]


class Smbd(Server):
    """One directory for guests."""

    name = "smbd"
    port = 445

    def prepare(self):
        self.write("files/small", SMALL)
        for name in ("private", "lock", "state", "cache", "pid", "ncalrpc"):
            (self.dir / name).mkdir()
        self.write("smb.conf", f"""
[global]
    smb ports = {self.port}
    map to guest = Bad User
    guest account = nobody
    disable netbios = yes
    load printers = no
    disable spoolss = yes
    private dir = {self.dir}/private
    lock directory = {self.dir}/lock
    state directory = {self.dir}/state
    cache directory = {self.dir}/cache
    pid directory = {self.dir}/pid
    ncalrpc dir = {self.dir}/ncalrpc
[files]
    path = {self.dir}/files
    guest ok = yes
""")

    def command(self):
        return ["smbd", "--foreground", "--no-process-group", "--debug-stdout", "-s", self.dir / "smb.conf"]
