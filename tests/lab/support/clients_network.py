# SPDX-License-Identifier: GPL-2.0-or-later
"""Short real exchanges, as in clients.py, with the servers of servers_network.py."""

from .clients import LIMIT, scratch
from .netlab import expect_equal
from .servers import SMALL
from .servers_network import QUIC_HOST


# /etc/hosts for one client alone: some take the server's name from its command line, and resolve it.
WITH_HOSTS = """
mount --bind "$1" /etc/hosts
shift
exec "$@"
"""


def knowing(directory, host, address, *argv):
    """The command, run where `host` has this address."""
    hosts = directory / "hosts"
    hosts.write_text(f"{address} {host}\n", encoding="ascii")
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", WITH_HOSTS, "hosts", hosts, *argv]


def http3(namespace, server, address):
    with scratch(namespace) as directory:
        # Its --sni is not heeded when the server is given by address.
        namespace.run(knowing(directory, QUIC_HOST, address, "gtlsclient", "--quiet", "--exit-on-all-streams-close",
                              f"--download={directory}", QUIC_HOST, server.port, f"https://{QUIC_HOST}/small"),
                      limit=LIMIT)
        expect_equal((directory / "small").read_bytes(), SMALL, "HTTP/3 body")
