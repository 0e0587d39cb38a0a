# SPDX-License-Identifier: GPL-2.0-or-later
"""Short real exchanges, as in clients.py, with the servers of servers_network.py."""

import os

from .clients import in_url, running, scratch
from .netlab import LIMIT, expect_equal, expect_in, wait_for
from .servers import DOMAIN, PASSWORD, SMALL, USER
from .servers_network import BGP_AS, DTLS_HOST, KRB5_CONF, QUIC_HOST, REALM, bird_conf

RPCBIND_PROGRAM = 100000


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


def dtls(namespace, server, address):
    argv = ["gnutls-cli", "--udp", "--insecure", f"--sni-hostname={DTLS_HOST}", f"--port={server.port}", address]
    # It waits for the echo of what it has sent, and then says good-bye.
    expect_in(SMALL, namespace.run(argv, stdin=SMALL, limit=LIMIT).stdout, "the echo")


def kerberos(namespace, server, address):
    with scratch(namespace) as directory:
        config = directory / "krb5.conf"
        config.write_text(f"{KRB5_CONF}[realms]\n{REALM} = {{\nkdc = {in_url(address)}:{server.port}\n}}\n")
        cache = f"FILE:{directory}/tickets"
        environment = {"KRB5_CONFIG": str(config)}
        namespace.run(["kinit", "-c", cache, USER], stdin=f"{PASSWORD}\n".encode(), env=environment, limit=LIMIT)
        expect_in(f"krbtgt/{REALM}@{REALM}", namespace.output(["klist", "-c", cache], env=environment), "the tickets")


def radius(namespace, server, address):
    answer = namespace.output(["radclient", "-t", "10", "-r", "2", f"{in_url(address)}:{server.port}", "auth", PASSWORD],
                              stdin=f"User-Name={USER},User-Password={PASSWORD}".encode(), limit=LIMIT)
    expect_in("Access-Accept", answer, "RADIUS answer")


def stun(namespace, server, address):
    answer = namespace.output(["turnutils_stunclient", "-p", server.port, address], limit=LIMIT)
    own = namespace.ip6 if ":" in address else namespace.ip4
    expect_in(f"UDP reflexive addr: {own}:", answer, "STUN answer")


def syslog(namespace, server, address):
    text = f"from beyond {address}"
    namespace.run(["logger", "--udp", "--server", address, "--port", server.port, text], limit=LIMIT)
    wait_for(lambda: server.messages.exists() and text in server.messages.read_text(), "the message in the log")


def telnet(namespace, server, address):
    with scratch(namespace) as directory:
        keyboard = directory / "keyboard"
        os.mkfifo(keyboard)
        # Opened for writing too, the pipe never ends; at the end of its input the client would hang up.
        with running(namespace, ["sh", "-c", 'exec inetutils-telnet "$1" "$2" 0<>"$3"', "telnet",
                                 address, server.port, keyboard]) as process:
            wait_for(lambda: server.greeting in process.log(), "Telnet's greeting")


def whois(namespace, server, address):
    answer = namespace.output(["whois", "-h", address, "-p", server.whois_port, DOMAIN], limit=LIMIT)
    expect_in(server.answer.strip(), answer, "whois answer")


def rpcinfo(namespace, server, address):
    transport = "tcp6" if ":" in address else "tcp"
    answer = namespace.output(["rpcinfo", "-T", transport, address, RPCBIND_PROGRAM], limit=LIMIT)
    expect_in(f"program {RPCBIND_PROGRAM} version 2 ready", answer, "rpcbind's answer")


def bgp(namespace, server, address):
    """Opens a session; the routing daemon at the client's end is the same."""
    family = "ipv6" if ":" in address else "ipv4"
    with scratch(namespace) as directory:
        config, control = directory / "bird.conf", directory / "bird.ctl"
        config.write_text(bird_conf("192.0.2.2", f"""
protocol bgp neighbour {{
    local as {BGP_AS};
    neighbor {address} as {BGP_AS};
    multihop;
    connect delay time 1;
    {family} {{ import all; export none; }};
}}"""))
        with running(namespace, ["bird", "-f", "-c", config, "-s", control]):
            wait_for(lambda: b"Established" in namespace.run(["birdc", "-s", control, "show", "protocols"],
                                                            check=False).stdout, "the BGP session")


def openvpn(namespace, server, address):
    with running(namespace, ["openvpn", "--client", "--dev", "tun", "--nobind", "--proto",
                             "udp6" if ":" in address else "udp4", "--remote", address, server.port,
                             *server.keys("client", "server")]) as process:
        wait_for(lambda: "Initialization Sequence Completed" in process.log(), "the tunnel")


def dhcp(namespace, dev, family):
    """Gets a lease for the device, and does nothing with it."""
    with scratch(namespace) as directory:
        with running(namespace, ["dhclient", f"-{family}", "-d", "-sf", "/bin/true", "-cf", "/dev/null",
                                 "-lf", directory / "leases", "-pf", directory / "pid", dev]) as process:
            leased = "Bound to lease" if family == 6 else "bound to 192.0.2."
            wait_for(lambda: leased in process.log(), "the lease")
