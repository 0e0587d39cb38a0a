# SPDX-License-Identifier: GPL-2.0-or-later
"""Throw-away network labs: namespaces joined by veth, and what runs inside them.

    def test_something():
        with Lab() as lab:
            client, router, server = lab.router()
            client.run(["ping", "-c", 1, server.ip4])

    main(test_something)  # of runner.py
"""

import contextlib
import ctypes
import ipaddress
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

NETNS_DIR = Path("/run/netns")
BPFFS_DIR = Path("/sys/fs/bpf")
OWN_PREFIX = f"l7t-{os.getpid()}-"
DOCUMENTATION = [ipaddress.ip_network(net) for net in
                 ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
POLL_INTERVAL = 0.02
# Every limit of the lab is there to end what hangs, and none says how long something takes: waiting costs nothing
# where the condition comes true, and a machine that is busy with other things takes several times as long.
LIMIT = 30.0
POLITE_LIMIT = 4.0  # for what is still there when its lab ends, and may have reasons not to heed SIGTERM
LOG_TAIL_BYTES = 2000
CLONE_NEWNET = 0x40000000

# Quiet namespaces whose addresses are usable at once: no duplicate address detection, no router
# discovery, no reverse path filter (asymmetric paths are something to test, not to lose).
NAMESPACE_SYSCTLS = {
    "ipv4.conf.all.rp_filter": 0,
    "ipv4.conf.default.rp_filter": 0,
    **{f"ipv6.conf.{scope}.{key}": 0
       for scope in ("all", "default")
       for key in ("disable_ipv6", "accept_dad", "dad_transmits", "accept_ra", "router_solicitations")},
}

_libc = ctypes.CDLL(None, use_errno=True)
_serials = itertools.count(1)


class LabError(Exception):
    """The lab itself could not do what was asked."""


class TimedOut(LabError):
    """A condition did not come true within its limit."""


class NotTestable(Exception):
    """Raised by a test for what this kernel or machine cannot show; the argument says why."""


def wait_for(condition, what, limit=LIMIT):
    """Polls `condition` until it returns something true, and returns that. `what` is words, or a function that makes
    them when the time is over: words that show a state must show the last one, not that before the wait."""
    deadline = time.monotonic() + limit
    while True:
        if result := condition():
            return result
        if time.monotonic() >= deadline:
            raise TimedOut(f"waited {limit:g} s for {what() if callable(what) else what}")
        time.sleep(POLL_INTERVAL)


def run(argv, *, limit=LIMIT, check=True, stdin=b"", env=None, cwd=None):
    """Runs a command to its end and returns its CompletedProcess, output in bytes."""
    argv = [str(arg) for arg in argv]
    try:
        # A session of its own, as in Lab.spawn(): Ctrl-C must not reach the commands that clean up.
        done = subprocess.run(argv, input=stdin, capture_output=True, timeout=limit, env=env, cwd=cwd,
                              start_new_session=True)
    except subprocess.TimeoutExpired as expired:
        raise TimedOut(f"{' '.join(argv)}: not finished after {limit:g} s{_tail(expired.stderr)}") from None
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}{_tail(done.stderr or done.stdout)}")
    return done


def _tail(output):
    text = (output or b"")[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
    return f": {text}" if text else ""


def _setns(fd):
    # os.setns() came with Python 3.12. It moves the calling thread only.
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


class Process:
    """A process the lab started in the background; its output goes to a log file."""

    def __init__(self, popen, name, log_path):
        self.popen, self.name, self.log_path = popen, name, log_path

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait(self, limit=LIMIT):
        """Waits for the process to end by itself and returns its exit status."""
        wait_for(lambda: not self.running(), f"{self.name} (pid {self.pid}) to end", limit)
        return self.popen.returncode

    def stop(self, with_signal=signal.SIGTERM, limit=LIMIT):
        """Asks it to end, then makes it end; returns once it is gone. Harmless when it has ended."""
        for number, patience in ((with_signal, limit), (signal.SIGKILL, LIMIT)):
            if self.running():
                self.popen.send_signal(number)
            with contextlib.suppress(TimedOut):
                return self.wait(patience)
        raise LabError(f"{self.name} (pid {self.pid}) survives SIGKILL")


class Namespace:
    def __init__(self, lab, name):
        self.lab, self.name = lab, lab.prefix + name
        self.path = NETNS_DIR / self.name
        self.ip4 = self.ip6 = None  # the first address of each family, for tests to aim at

    def command(self, argv):
        # nsenter and not `ip netns exec`: the latter remounts /sys, which hides bpffs.
        return ["nsenter", f"--net={self.path}", "--", *(str(arg) for arg in argv)]

    def run(self, argv, *, env=None, **options):
        return run(self.command(argv), env=self.lab.environment(env), **options)

    def output(self, argv, **options):
        return self.run(argv, **options).stdout.decode()

    def popen(self, argv, *, name=None, env=None, cwd=None):
        name = name or Path(str(argv[0])).name
        return self.lab.spawn(self.command(argv), name, self.lab.environment(env), cwd)

    @contextlib.contextmanager
    def entered(self):
        """Puts the calling thread into the namespace: sockets made meanwhile belong to it."""
        with open("/proc/thread-self/ns/net") as home, open(self.path) as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def connect(self, address, port, limit=LIMIT):
        """A TCP connection made from inside the namespace."""
        with self.entered():
            return socket.create_connection((address, port), timeout=limit)

    def sysctl(self, key, value):
        # /proc/sys/net shows the namespace of whoever opens it.
        with self.entered():
            Path("/proc/sys/net", *key.split(".")).write_text(str(value))

    def forward(self):
        self.sysctl("ipv4.ip_forward", 1)
        self.sysctl("ipv6.conf.all.forwarding", 1)

    def address(self, dev, *interfaces):
        """Adds addresses such as 192.0.2.2/24 to a device and brings it up."""
        self.run(["ip", "link", "set", dev, "up"])
        for text in interfaces:
            address = _documentation(text).ip
            nodad = ["nodad"] if address.version == 6 else []
            self.run(["ip", "address", "add", text, "dev", dev, *nodad])
            attribute = f"ip{address.version}"
            setattr(self, attribute, getattr(self, attribute) or str(address))

    def route(self, destination, via):
        family = f"-{_documentation(destination).version}"
        self.run(["ip", family, "route", "add", destination, "via", str(_documentation(via).ip)])

    def pids(self):
        """Processes that live in the namespace, whoever started them."""
        try:
            wanted = os.stat(self.path)
        except FileNotFoundError:
            return []
        return [pid for pid in _all_pids() if _same_netns(pid, wanted)]


def _documentation(text):
    """Nothing in a lab may carry an address that means something elsewhere."""
    interface = ipaddress.ip_interface(text)
    if not any(interface.ip in net for net in DOCUMENTATION):
        raise LabError(f"{text} is not from a documentation range")
    return interface


def _all_pids():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _same_netns(pid, wanted):
    try:
        got = os.stat(f"/proc/{pid}/ns/net")
    except OSError:  # it ended, or it is a zombie
        return False
    return (got.st_dev, got.st_ino) == (wanted.st_dev, wanted.st_ino)


class Ends(NamedTuple):
    client: Namespace
    router: Namespace
    server: Namespace


class Lab:
    """Owns namespaces, processes and a temporary directory; leaves none of them, however it is left."""

    def __init__(self):
        self.prefix = f"{OWN_PREFIX}{next(_serials)}-"
        self.namespaces = []
        self._processes = []
        self._lock = threading.Lock()  # servers are started from several threads
        self._closing = False
        self._pending_signal = None
        self._old_handlers = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                self._old_handlers[number] = signal.signal(number, self._on_signal)
        self.dir = Path(tempfile.mkdtemp(prefix=self.prefix))
        self.dir.chmod(0o755)  # servers that drop their privileges must get through
        return self

    def __exit__(self, *_):
        self._closing = True  # first of all: from here on a signal waits
        try:
            with self._lock:
                pass  # a start under way in another thread becomes one of ours to stop
            self._stop_processes()
            for namespace in self.namespaces:
                if namespace.path.exists():
                    run(["ip", "netns", "delete", namespace.name])
        finally:
            shutil.rmtree(self.dir)
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)
        if self._pending_signal:
            signal.raise_signal(self._pending_signal)

    def _on_signal(self, number, _frame):
        if self._closing:  # cleaning up already: finish that first
            self._pending_signal = number
        else:
            raise SystemExit(128 + number)

    def _stop_processes(self):
        for process in self._running():
            process.popen.terminate()
        with contextlib.suppress(TimedOut):
            wait_for(lambda: not self._running(), "the processes to end", POLITE_LIMIT)
        wait_for(self._killed, "every process of the lab to be gone")

    def _running(self):
        return [process for process in self._processes if process.running()]

    def _killed(self):
        """Kills what is left. Workers and sessions of stopped servers are ours too: they live in our namespaces."""
        for process in self._running():
            process.popen.kill()
        inhabitants = [pid for namespace in self.namespaces for pid in namespace.pids()]
        for pid in inhabitants:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not inhabitants and not self._running()

    def environment(self, extra=None):
        """A clean environment: proxies, CA bundles and dot files of whoever runs the tests do not count."""
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.dir),
                "TMPDIR": str(self.dir), **(extra or {})}

    def spawn(self, argv, name, env, cwd=None):
        with self._lock:
            if self._closing:
                raise LabError(f"{name}: the lab is being removed")
            log_path = self.dir / f"{name}-{len(self._processes)}.log"
            with open(log_path, "wb") as log:
                # A session of its own, so that Ctrl-C reaches the test first and not everything at once.
                popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         env=env, cwd=cwd, start_new_session=True)
            process = Process(popen, name, log_path)
            self._processes.append(process)
            return process

    def namespace(self, name):
        namespace = Namespace(self, name)
        self.namespaces.append(namespace)  # before it exists, so that an interruption does not lose it
        run(["ip", "netns", "add", namespace.name])
        for key, value in NAMESPACE_SYSCTLS.items():
            namespace.sysctl(key, value)
        namespace.run(["ip", "link", "set", "lo", "up"])
        return namespace

    def link(self, left, left_dev, right, right_dev):
        """A veth pair, made right in the two namespaces so that no name is taken on the host."""
        run(["ip", "link", "add", left_dev, "netns", left.name,
             "type", "veth", "peer", "name", right_dev, "netns", right.name])

    def router(self, join=None):
        """client -- router -- server, each side with IPv4 and IPv6. `join` makes the devices of the first two in
        place of link()."""
        ends = Ends(*(self.namespace(name) for name in Ends._fields))
        (join or self.link)(ends.client, "eth0", ends.router, "c0")
        self.link(ends.router, "s0", ends.server, "eth0")
        ends.client.address("eth0", "192.0.2.2/24", "2001:db8:1::2/64")
        ends.router.address("c0", "192.0.2.1/24", "2001:db8:1::1/64")
        ends.router.address("s0", "198.51.100.1/24", "2001:db8:2::1/64")
        ends.server.address("eth0", "198.51.100.2/24", "2001:db8:2::2/64")
        ends.router.forward()
        # No default route: a server that looks for a resolver or an update gets nowhere, at once.
        for end, other_net, via4, via6 in ((ends.client, "198.51.100.0/24", "192.0.2.1", "2001:db8:1::1"),
                                           (ends.server, "192.0.2.0/24", "198.51.100.1", "2001:db8:2::1")):
            end.route(other_net, via4)
            end.route("203.0.113.0/24", via4)
            end.route("2001:db8::/32", via6)
        return ends


def leftovers(prefix=OWN_PREFIX):
    """What still exists of labs with this prefix, one line each; to be asserted empty."""
    left = [f"namespace {path.name}" for path in NETNS_DIR.glob(f"{prefix}*")]
    left += [f"directory {path}" for path in Path(tempfile.gettempdir()).glob(f"{prefix}*")]
    # Not rglob(), which fails where another lab removes a directory meanwhile.
    left += [f"bpffs pin {Path(directory, name)}" for directory, directories, files in os.walk(BPFFS_DIR)
             for name in (*directories, *files) if name.startswith(prefix)]
    inodes = [os.stat(path) for path in NETNS_DIR.glob(f"{prefix}*")]
    for pid in _all_pids():
        if pid != os.getpid() and (_mentions(pid, prefix) or any(_same_netns(pid, inode) for inode in inodes)):
            left.append(f"process {pid} ({_describe(pid)})")
    return left


def _mentions(pid, prefix):
    """Lab processes carry the lab's directory in their HOME, most in their arguments too."""
    text = b""
    for name in ("cmdline", "environ"):
        with contextlib.suppress(OSError):
            text += Path(f"/proc/{pid}/{name}").read_bytes()
    # Only as the start of a path component or name: pid 12 is not pid 112.
    return re.search(rb"(?<![\w-])" + re.escape(prefix.encode()), text) is not None


def _describe(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "ended meanwhile"


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_equal(got, wanted, what):
    check(got == wanted, f"{what}: expected {wanted!r:.300}, got {got!r:.300}")


def expect_in(part, whole, what):
    check(part in whole, f"{what}: {part!r:.300} is not in {whole!r:.1000}")
