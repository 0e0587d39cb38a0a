# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers, as in servers.py: those that carry, name, admit and watch others."""

from .server import UDP_BOUND, Server
from .servers import DOMAIN, PASSWORD, SMALL, TCP_LISTEN, USER

QUIC_HOST = f"quic.{DOMAIN}"
DTLS_HOST = f"dtls.{DOMAIN}"
REALM = DOMAIN.upper()
KRB5_CONF = f"[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\ndns_canonicalize_hostname = false\n"
BGP_AS = 64496  # the first of the documentation's, RFC 5398


class TwoSockets(Server):
    """Takes datagrams by a socket for each family, opened one after the other."""

    udp = True

    def ready(self):
        return all(self.has_socket(table, state=UDP_BOUND) for table in ("udp", "udp6"))


class Ngtcp2(TwoSockets):
    """HTTP/3 over QUIC."""

    name = "gtlsserver"
    port = 443

    def prepare(self):
        self.write("www/small", SMALL)
        self.make_certificate(QUIC_HOST)

    def command(self):
        return ["gtlsserver", "--quiet", f"--htdocs={self.dir}/www", "*", self.port, "key.pem", "certificate.pem"]


class GnutlsServer(TwoSockets):
    """Echoes what comes over DTLS."""

    name = "gnutls-serv"
    port = 4433

    def prepare(self):
        self.make_certificate(DTLS_HOST)

    def command(self):
        return ["gnutls-serv", "--udp", "--echo", f"--port={self.port}", "--x509keyfile=key.pem",
                "--x509certfile=certificate.pem"]


class Krb5kdc(Server):
    """A Kerberos realm with one user; clients ask it over UDP."""

    name = "krb5kdc"
    port = 88

    def environment(self):
        return {**super().environment(), "KRB5_CONFIG": f"{self.dir}/krb5.conf",
                "KRB5_KDC_PROFILE": f"{self.dir}/kdc.conf"}

    def prepare(self):
        self.write("krb5.conf", KRB5_CONF)
        self.write("kdc.conf", f"""
[kdcdefaults]
    kdc_listen = {self.port}
    kdc_tcp_listen = {self.port}
[realms]
    {REALM} = {{
        database_name = {self.dir}/principal
        key_stash_file = {self.dir}/stash
        acl_file = {self.dir}/acl
    }}
[logging]
    kdc = STDERR
""")
        self.tool(["kdb5_util", "-r", REALM, "create", "-s", "-P", PASSWORD])
        self.tool(["kadmin.local", "-r", REALM, "addprinc", "-pw", PASSWORD, USER])

    def command(self):
        return ["krb5kdc", "-n", "-r", REALM, "-P", f"{self.dir}/pid"]


class Freeradius(TwoSockets):
    """Lets everybody in who knows the secret."""

    name = "freeradius"
    port = 1812

    def prepare(self):
        self.write("radiusd.conf", f"""
name = freeradius
libdir = /usr/lib/freeradius
logdir = {self.dir}
run_dir = {self.dir}
client any4 {{
    ipv4addr = 0.0.0.0/0
    secret = {PASSWORD}
}}
client any6 {{
    ipv6addr = ::/0
    secret = {PASSWORD}
}}
server default {{
    listen {{
        type = auth
        ipv4addr = *
        port = {self.port}
    }}
    listen {{
        type = auth
        ipv6addr = ::
        port = {self.port}
    }}
    authorize {{
        update control {{
            &Auth-Type := Accept
        }}
    }}
}}
""")

    def command(self):
        return ["freeradius", "-f", "-l", "stdout", "-d", self.dir, "-n", "radiusd"]


class Turnserver(TwoSockets):
    """STUN, with the TURN nobody is let into."""

    name = "turnserver"
    port = 3478

    def command(self):
        return ["turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-rfc5780", "--log-file=stdout",
                f"--listening-port={self.port}", "--listening-ip=0.0.0.0", "--listening-ip=::",
                f"--userdb={self.dir}/users", f"--pidfile={self.dir}/pid"]


class Rsyslogd(TwoSockets):
    """Writes what it is sent over UDP to `messages`."""

    name = "rsyslogd"
    port = 514

    @property
    def messages(self):
        return self.dir / "messages"

    def prepare(self):
        self.write("rsyslog.conf", f"""
module(load="imudp")
input(type="imudp" port="{self.port}")
action(type="omfile" file="{self.messages}")
""")

    def command(self):
        return ["rsyslogd", "-n", "-f", f"{self.dir}/rsyslog.conf", "-i", f"{self.dir}/pid"]


class Inetd(Server):
    """Telnet with a greeting for a login, and whois with one answer, each started by inetd."""

    name = "inetd"
    port = 23
    whois_port = 43
    greeting = "Seven layers are up."
    answer = f"Domain Name: {DOMAIN}\n"

    def prepare(self):
        # It stays until the client goes: what a terminal was given last is lost when its program ends at once.
        self.write("greet", f"#!/bin/sh\necho '{self.greeting}'\nread -r _line\n", 0o755)
        self.write("whois", f"#!/bin/sh\nread -r _query\necho '{self.answer.strip()}'\n", 0o755)
        self.write("inetd.conf", f"""
{self.port} stream tcp6 nowait root /usr/sbin/telnetd telnetd --exec-login={self.dir}/greet
{self.whois_port} stream tcp6 nowait root {self.dir}/whois whois
""")

    def command(self):
        return ["inetutils-inetd", "--debug", f"--pidfile={self.dir}/pid", self.dir / "inetd.conf"]


class Rpcbind(Server):
    name = "rpcbind"
    port = 111

    def command(self):
        return ["rpcbind", "-f"]


class Bird(Server):
    """Waits for a neighbour to open a BGP session, whichever family it comes over."""

    name = "bird"
    port = 179

    def prepare(self):
        self.write("bird.conf", bird_conf("192.0.2.1", "".join(f"""
protocol bgp over_{family} {{
    local as {BGP_AS};
    neighbor range {range} as {BGP_AS};
    multihop;
    passive;
    {family} {{ import all; export none; }};
}}""" for family, range in (("ipv4", "192.0.2.0/24"), ("ipv6", "2001:db8:1::/64")))))

    def command(self):
        return ["bird", "-f", "-c", self.dir / "bird.conf", "-s", self.dir / "bird.ctl"]

    def ready(self):
        # A connection of somebody else than the neighbour is one it wants to hear nothing of.
        return self.has_socket("tcp6", state=TCP_LISTEN) and self.has_socket("tcp", state=TCP_LISTEN)


def bird_conf(router_id, rest):
    return f"log stderr all;\nrouter id {router_id};\nprotocol device {{ }}\n{rest}\n"


class Openvpn(Server):
    """A tunnel of its own device; ends know each other by the fingerprints of their certificates."""

    name = "openvpn"
    port = 1194
    udp = True

    def prepare(self):
        for end in ("server", "client"):
            self.make_certificate(end, key=f"{end}-key.pem", certificate=f"{end}.pem")

    def fingerprint(self, end):
        text = self.tool(["openssl", "x509", "-in", f"{end}.pem", "-noout", "-sha256", "-fingerprint"]).stdout.decode()
        return text.strip().split("=")[1]

    def keys(self, end, peer):
        return ["--cert", self.dir / f"{end}.pem", "--key", self.dir / f"{end}-key.pem",
                "--peer-fingerprint", self.fingerprint(peer)]

    def command(self):
        return ["openvpn", "--dev", "tun", "--proto", "udp6", "--port", self.port, "--dh", "none",
                "--topology", "subnet", "--server", "203.0.113.128", "255.255.255.128", "--duplicate-cn",
                *self.keys("server", "client")]


class DhcpServer(Server):
    """Leases addresses of both families in the network of its namespace's device."""

    name = "dhcp"
    port = 67
    udp = True

    def command(self):
        return ["dnsmasq", "--keep-in-foreground", "--log-facility=-", "--user=root", "--pid-file=", "--port=0",
                f"--dhcp-leasefile={self.dir}/leases", "--dhcp-range=192.0.2.100,192.0.2.110,1h",
                "--dhcp-range=2001:db8:1::100,2001:db8:1::110,1h"]

    def ready(self):
        # It says so when its sockets are open.
        return "DHCPv6, IP range" in self.process.log()
