# SPDX-License-Identifier: GPL-2.0-or-later
"""What every server of the lab shares: a directory, a sandbox, a start with a limit, a stop."""

import concurrent.futures
import os
import pwd
import shutil
import signal
import tempfile
import time
from pathlib import Path

from .netlab import LabError, TimedOut, run, wait_for

START_LIMIT = 60.0  # a bound, not an expectation: two busy cores may start forty servers at once
UDP_BOUND = "07"  # as /proc/net/udp spells a socket that waits for datagrams

# For the server the file system is read-only but for its own directory, and the places where daemons
# insist on fixed paths are empty: what its configuration misses can neither do harm nor be found.
SANDBOX = """
mount --bind "$1" "$1"
mount -o remount,bind,ro /
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
shift
exec "$@"
"""


class Server:
    """Subclasses write the configuration into `self.dir` and say what to run."""

    name = None
    port = None
    udp = False
    owners = {}  # below the directory, for servers that drop their privileges: path -> user
    stop_signal = signal.SIGTERM

    def __init__(self, namespace, port=None):
        self.namespace = namespace
        self.port = port or self.port
        self.process = None
        self.dir = None

    def prepare(self):
        """Writes what the server reads."""

    def command(self):
        raise NotImplementedError

    def start(self):
        self.dir = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=self.namespace.lab.dir))
        self.dir.chmod(0o755)
        self.prepare()
        for path, user in self.owners.items():
            self.own(self.dir / path, user)
        sandboxed = ["unshare", "--mount", "--propagation", "private",
                     "sh", "-ec", SANDBOX, self.name, self.dir, *self.command()]
        self.process = self.namespace.popen(sandboxed, name=self.name, cwd=self.dir, env=self.environment())
        try:
            wait_for(self._ready_or_dead, f"{self.name} on port {self.port}", START_LIMIT)
        except TimedOut as late:
            raise LabError(f"{late}; its log: {self.process.log()}") from None

    def stop(self):
        if self.process:
            self.process.stop(self.stop_signal)
        if self.dir:
            # A worker that outlives its master for a moment may remove its own files meanwhile.
            shutil.rmtree(self.dir, ignore_errors=True)

    def _ready_or_dead(self):
        if not self.process.running():
            raise LabError(f"{self.name} ended with {self.process.popen.returncode}: {self.process.log()}")
        return self.ready()

    def ready(self):
        """Both families accept. UDP has no accept: a bound socket queues what comes until it is read."""
        if self.udp:
            return self.has_socket("udp", "udp6", state=UDP_BOUND)
        try:
            for address in ("127.0.0.1", "::1"):
                self.namespace.connect(address, self.port).close()
        except OSError:
            return False
        return True

    def has_socket(self, *tables, state):
        """Asks the kernel, so that no trial connection or datagram disturbs the server."""
        rows = [line.split() for table in tables
                for line in Path(f"/proc/{self.process.pid}/net/{table}").read_text().splitlines()[1:]]
        return any(row[1].endswith(f":{self.port:04X}") and row[3] == state for row in rows)

    def environment(self):
        return {"HOME": str(self.dir), "TMPDIR": str(self.dir)}

    def write(self, name, content, mode=0o644):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def tool(self, argv, **options):
        """Runs a command that prepares something: a key generator, a database initialiser."""
        return run(argv, env=self.namespace.lab.environment(self.environment()), cwd=self.dir, **options)

    def make_certificate(self, *hosts, key="key.pem", certificate="certificate.pem"):
        """Makes a key, and the certificate of these hosts that it signs itself."""
        self.tool(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                   "-days", "2", "-subj", f"/CN={hosts[0]}", "-keyout", key, "-out", certificate,
                   "-addext", "subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts)])

    @staticmethod
    def own(directory, user):
        entry = pwd.getpwnam(user)
        for path in (directory, *directory.rglob("*")):
            os.chown(path, entry.pw_uid, entry.pw_gid)


def start_all(servers):
    """Starts servers side by side and returns how long each took; raises when one does not start."""
    def timed(server):
        begin = time.monotonic()
        server.start()
        return time.monotonic() - begin

    with concurrent.futures.ThreadPoolExecutor(max_workers=len(servers)) as pool:
        return list(pool.map(timed, servers))
