# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers, as in servers.py: those that carry, name, admit and watch others."""

from .server import UDP_BOUND, Server
from .servers import DOMAIN, SMALL

QUIC_HOST = f"quic.{DOMAIN}"


class Ngtcp2(Server):
    """HTTP/3 over QUIC."""

    name = "gtlsserver"
    port = 443
    udp = True

    def prepare(self):
        self.write("www/small", SMALL)
        self.tool(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                   "-days", "2", "-subj", f"/CN={QUIC_HOST}", "-keyout", "key.pem", "-out", "certificate.pem"])

    def command(self):
        return ["gtlsserver", "--quiet", f"--htdocs={self.dir}/www", "*", self.port, "key.pem", "certificate.pem"]

    def ready(self):
        # A socket for each family, one after the other.
        return all(self.has_socket(table, state=UDP_BOUND) for table in ("udp", "udp6"))
