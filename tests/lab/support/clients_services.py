# SPDX-License-Identifier: GPL-2.0-or-later
"""Short real exchanges, as in clients.py, with the servers of servers_services.py."""

from .clients import in_url, running, scratch
from .netlab import LIMIT, check, expect_equal, expect_in
from .servers import DOMAIN, LARGE, SMALL
from .servers_services import PROGRAMS, PYTHON

ZABBIX_HEADER = b"ZBXD\x01"


def nats(namespace, server, address):
    with namespace.connect(address, server.port, LIMIT) as connection, connection.makefile("rwb") as stream:
        expect_in(b"INFO {", stream.readline(), "NATS's greeting")
        stream.write(b'CONNECT {"verbose":false}\r\nSUB layer 1\r\nPUB layer 5\r\nseven\r\n')
        stream.flush()
        expect_equal(stream.readline() + stream.readline(), b"MSG layer 1 5\r\nseven\r\n", "NATS's message")


def gearman(namespace, server, address):
    to_server = ["gearman", "-h", address, "-p", server.port, "-f", "repeat"]
    with running(namespace, [*to_server, "-w", "--", "cat"]):
        # The job waits for its worker.
        expect_equal(namespace.output([*to_server, "layer seven"], limit=LIMIT), "layer seven", "the job's result")


def xmpp(namespace, server, address):
    with namespace.connect(address, server.port, LIMIT) as connection, connection.makefile("rwb") as stream:
        stream.write(f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' xmlns='jabber:client' version='1.0' "
                     "xmlns:stream='http://etherx.jabber.org/streams'>".encode())
        stream.flush()
        got = b""
        while b"</stream:features>" not in got and (more := stream.read1()):
            got += more
        expect_in(b"urn:ietf:params:xml:ns:xmpp-tls", got, "XMPP's features")
        stream.write(b"</stream:stream>")
        stream.flush()
        expect_in(b"</stream:stream>", stream.read(), "XMPP's good-bye")


def sip(namespace, server, address):
    """Calls, waits for the answer, hangs up."""
    own = namespace.ip6 if ":" in address else namespace.ip4
    with scratch(namespace) as directory:
        namespace.run(["sipp", "-sn", "uac", "-m", 1, "-i", own, "-nostdin", "-timeout", int(LIMIT), "-timeout_error",
                       f"{in_url(address)}:{server.port}"], limit=LIMIT + 1, cwd=directory)


def coap(namespace, server, address):
    answer = namespace.output(["coap-client-notls", "-m", "get", f"coap://{in_url(address)}:{server.port}/"],
                              limit=LIMIT)
    expect_in("libcoap", answer, "CoAP's answer")


def http2(namespace, server, address):
    body = namespace.run(["nghttp", f"http://{in_url(address)}:{server.port}/small"], limit=LIMIT).stdout
    expect_equal(body, SMALL, "HTTP/2 body")


def websocket(namespace, server, address):
    echoed = namespace.output([PYTHON, PROGRAMS / "websocket.py", "talk", f"ws://{in_url(address)}:{server.port}/"],
                              limit=LIMIT)
    expect_equal(echoed, "layer seven\n", "what WebSocket echoes")


def bittorrent(namespace, server, address, transport="tcp"):
    with scratch(namespace) as directory:
        namespace.run([PYTHON, PROGRAMS / "bittorrent.py", "fetch", directory, server.torrent, address, server.port,
                       transport], limit=LIMIT)
        expect_equal((directory / "large").read_bytes(), LARGE, "BitTorrent file")


def zabbix(namespace, server, address):
    question = b"agent.hostname"
    with namespace.connect(address, server.port, LIMIT) as connection, connection.makefile("rwb") as stream:
        stream.write(ZABBIX_HEADER + len(question).to_bytes(8, "little") + question)
        stream.flush()
        answer = stream.read()
    expect_equal(answer[:5], ZABBIX_HEADER, "the header of Zabbix's answer")
    expect_equal(answer[13:], server.host.encode(), "Zabbix's answer")


def smb(namespace, server, address):
    with scratch(namespace) as directory:
        config = directory / "smb.conf"
        config.write_text("[global]\n")
        # Two colons would be a name to resolve: the address goes beside the name.
        namespace.run(["smbclient", "-s", config, "--no-pass", "-p", server.port, "-I", address, "//lab/files",
                       "-c", f"lcd {directory}; get small"], limit=LIMIT)
        expect_equal((directory / "small").read_bytes(), SMALL, "SMB file")


class IrcTalker:
    """Somebody in an IRC network."""

    def __init__(self, namespace, server, address, nick):
        self.connection = namespace.connect(address, server.port)
        self.stream = self.connection.makefile("rwb")
        self.say(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        self.hear(f" 001 {nick} ")

    def say(self, *lines):
        self.stream.write("".join(f"{line}\r\n" for line in lines).encode())
        self.stream.flush()

    def hear(self, part):
        while part not in (line := self.stream.readline().decode()):
            check(line, f"the server hung up before {part!r}")
        return line

    def close(self):
        self.stream.close()
        self.connection.close()
