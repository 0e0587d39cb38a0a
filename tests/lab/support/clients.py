# SPDX-License-Identifier: GPL-2.0-or-later
"""Short real exchanges with the lab's servers, by the clients people use.

Each function takes the namespace to run in, the server and the address to reach it at (IPv4 or
IPv6), moves a bounded number of bytes within LIMIT, returns nothing, and raises when the answer is
not the right one. A Download goes on for as long as the test looks at its connection.
"""

import contextlib
import socket
import tempfile
import threading
from pathlib import Path

from .netlab import LIMIT, expect_equal, expect_in
from .servers import DOMAIN, LARGE, LDAP_ADMIN, LDAP_SUFFIX, MAIL, PASSWORD, SMALL, USER, WEB_HOST

DOWNLOAD_RATE = 400_000  # bytes a second


def in_url(address):
    return f"[{address}]" if ":" in address else address


def curl(namespace, *argv, limit=LIMIT, stdin=b""):
    return namespace.run(["curl", "--silent", "--show-error", "--fail", "--max-time", limit, *argv],
                         limit=limit + 1, stdin=stdin).stdout


@contextlib.contextmanager
def scratch(namespace):
    with tempfile.TemporaryDirectory(dir=namespace.lab.dir) as directory:
        yield Path(directory)


@contextlib.contextmanager
def running(namespace, argv):
    """A client that goes on until the block is left."""
    process = namespace.popen(argv)
    try:
        yield process
    finally:
        process.stop()


def http(namespace, server, address, host=None):
    base = f"http://{host or in_url(address)}:{server.port}"
    there = ["--connect-to", f"::{in_url(address)}:{server.port}"]
    expect_equal(curl(namespace, *there, f"{base}/small", f"{base}/large"), SMALL + LARGE, "HTTP bodies")


class Download:
    """A fetch of the web server's bulk file that goes on until it is closed: a test that waits for something need not
    guess how long that takes. The file lasts for minutes."""

    def __init__(self, namespace, server, address, rate=DOWNLOAD_RATE, host=None):
        self.connection = namespace.connect(address, server.port)
        self.port = self.connection.getsockname()[1]
        self.bytes = 0  # that have come, the answer's head among them
        # nginx does the limiting: see `limit_rate` there.
        self.connection.sendall(f"GET /bulk?rate={rate} HTTP/1.1\r\nHost: {host or in_url(address)}\r\n\r\n".encode())
        self.connection.settimeout(None)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with contextlib.suppress(OSError):  # it was closed
            while piece := self.connection.recv(1 << 16):
                self.bytes += len(piece)

    def running(self):
        return self.reader.is_alive()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):  # the server was first
            self.connection.shutdown(socket.SHUT_RDWR)
        self.reader.join()
        self.connection.close()


def https(namespace, server, address, host=WEB_HOST, tls_max="1.3"):
    body = curl(namespace, "--cacert", server.certificate, "--tls-max", tls_max,
                "--connect-to", f"::{in_url(address)}:{server.tls_port}", f"https://{host}/small")
    expect_equal(body, SMALL, f"HTTPS body for {host}")


def _ssh_options(server):
    return ["-F", "none", "-i", server.client_key, "-o", f"UserKnownHostsFile={server.known_hosts}",
            "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={LIMIT:.0f}"]


def ssh(namespace, server, address):
    echoed = namespace.run(["ssh", *_ssh_options(server), "-p", server.port, f"root@{address}", "cat"],
                           stdin=SMALL, limit=LIMIT).stdout
    expect_equal(echoed, SMALL, "what SSH echoes")


def ftp(namespace, server, address, active=False):
    mode = ["--ftp-port", "-"] if active else []
    expect_equal(curl(namespace, *mode, f"ftp://{in_url(address)}:{server.port}/small"), SMALL, "FTP file")


def dns(namespace, server, address, tcp=False):
    for kind, wanted in (("A", server.ip4), ("AAAA", server.ip6)):
        answer = namespace.output(["dig", f"@{address}", "-p", server.port, "+short", "+tries=2", "+time=10",
                                   "+tcp" if tcp else "+notcp", WEB_HOST, kind], limit=LIMIT)
        expect_equal(answer.strip(), wanted, f"{kind} of {WEB_HOST}")


def tftp(namespace, server, address):
    expect_equal(curl(namespace, f"tftp://{in_url(address)}:{server.tftp_port}/small"), SMALL, "TFTP file")


def redis(namespace, server, address):
    answers = namespace.output(["redis-cli", "-h", address, "-p", server.port],
                               stdin=b"SET layer seven\nGET layer\n", limit=LIMIT)
    expect_equal(answers.split(), ["OK", "seven"], "Redis answers")


def mqtt(namespace, server, address):
    to_topic = ["-h", address, "-p", server.port, "-t", "lab/topic"]
    # Retained, so that subscribing afterwards misses nothing.
    namespace.run(["mosquitto_pub", *to_topic, "-r", "-m", "hello"], limit=LIMIT)
    got = namespace.output(["mosquitto_sub", *to_topic, "-C", "1", "-W", int(LIMIT)], limit=LIMIT + 1)
    expect_equal(got, "hello\n", "MQTT message")


def memcached(namespace, server, address):
    with namespace.connect(address, server.port, LIMIT) as connection, connection.makefile("rwb") as stream:
        stream.write(b"set layer 0 0 5\r\nseven\r\nget layer\r\nquit\r\n")
        stream.flush()
        expect_equal(stream.read(), b"STORED\r\nVALUE layer 0 5\r\nseven\r\nEND\r\n", "memcached answers")


def rsync(namespace, server, address):
    with scratch(namespace) as directory:
        namespace.run(["rsync", f"--contimeout={LIMIT:.0f}", f"--timeout={LIMIT:.0f}",
                       f"rsync://{in_url(address)}:{server.port}/files/small", directory], limit=LIMIT)
        expect_equal((directory / "small").read_bytes(), SMALL, "rsync file")


def git(namespace, server, address):
    with scratch(namespace) as directory:
        namespace.run(["git", "clone", "--quiet", f"git://{in_url(address)}:{server.port}/small.git",
                       directory / "clone"], limit=LIMIT)
        expect_equal((directory / "clone" / "small").read_bytes(), SMALL, "cloned file")


def irc(namespace, server, address):
    with namespace.connect(address, server.port, LIMIT) as connection, connection.makefile("rwb") as stream:
        stream.write(b"NICK lab\r\nUSER lab 0 * :lab\r\nJOIN #lab\r\nQUIT :done\r\n")
        stream.flush()
        transcript = stream.read()
    for reply in (f":{server.host} 001 lab ".encode(), b" JOIN :#lab\r\n"):
        expect_in(reply, transcript, "IRC replies")


def smtp(namespace, server, address, tls=False):
    secured = ["--ssl-reqd", "--cacert", server.dir / "certificate.pem"] if tls else []
    curl(namespace, "--mail-from", f"a@{DOMAIN}", "--mail-rcpt", f"b@{DOMAIN}", "--upload-file", "-", *secured,
         "--connect-to", f"::{in_url(address)}:{server.port}", f"smtp://{server.host}/client.{DOMAIN}", stdin=MAIL)


def _fetch_mail(namespace, url):
    mail = curl(namespace, "--user", f"{USER}:{PASSWORD}", url)
    expect_equal(mail.strip(), MAIL.strip(), f"the mail at {url}")


def imap(namespace, server, address):
    _fetch_mail(namespace, f"imap://{in_url(address)}:{server.port}/INBOX;MAILINDEX=1")


def pop3(namespace, server, address):
    _fetch_mail(namespace, f"pop3://{in_url(address)}:{server.pop3_port}/1")


def mysql(namespace, server, address):
    answer = namespace.output(["mariadb", "--no-defaults", f"--host={address}", f"--port={server.port}",
                               f"--user={USER}", f"--connect-timeout={LIMIT:.0f}", "--skip-column-names",
                               "--execute=select 6 * 7"], limit=LIMIT)
    expect_equal(answer.strip(), "42", "MariaDB's answer")


def postgresql(namespace, server, address):
    answer = namespace.output(["psql", "-X", "-At", "-h", address, "-p", server.port, "-U", USER,
                               "-d", "postgres", "-c", "select 6 * 7"],
                              env={"PGCONNECT_TIMEOUT": f"{LIMIT:.0f}"}, limit=LIMIT)
    expect_equal(answer.strip(), "42", "PostgreSQL's answer")


def ntp(namespace, server, address):
    with scratch(namespace) as directory:
        # -Q asks and prints the offset without touching the clock.
        result = namespace.run(["chronyd", "-Q", "-u", "root", "-t", int(LIMIT), f"pidfile {directory}/pid",
                                "bindcmdaddress /", "cmdport 0",
                                f"server {address} port {server.port} iburst maxsamples 1"], limit=LIMIT + 1)
    expect_in(b"System clock wrong by", result.stderr + result.stdout, "chronyd's measurement")


def snmp(namespace, server, address):
    transport = "udp6" if ":" in address else "udp"
    answer = namespace.output(["snmpget", "-v2c", "-c", "public", "-t", 10, "-r", 1, "-Oqv",
                               f"{transport}:{in_url(address)}:{server.port}", ".1.3.6.1.2.1.1.5.0"],
                              env={"MIBS": "", "SNMP_PERSISTENT_DIR": str(namespace.lab.dir)}, limit=LIMIT)
    expect_in(server.sys_name, answer, "sysName")


def ldap(namespace, server, address):
    answer = namespace.output(["ldapsearch", "-x", "-LLL", "-H", f"ldap://{in_url(address)}:{server.port}",
                               "-o", f"nettimeout={LIMIT:.0f}", "-D", LDAP_ADMIN, "-w", PASSWORD,
                               "-b", LDAP_SUFFIX, "-s", "base", "o"], limit=LIMIT)
    expect_in("o: lab\n", answer, "LDAP entry")


def iperf3(namespace, server, address, udp=False):
    server.wait_until_idle()
    namespace.run(["iperf3", "--client", address, "--port", server.port, "--connect-timeout", int(LIMIT * 1000),
                   "--bitrate", 0, "--bytes", len(LARGE) // 4, *(["--udp", "--length", 1200] if udp else [])])


def socks(namespace, server, address):
    """Fetches from the lab's web server, which must run on the proxy's host."""
    body = curl(namespace, "--socks5", f"{in_url(address)}:{server.port}", f"http://{in_url(address)}/small")
    expect_equal(body, SMALL, "body through SOCKS")
